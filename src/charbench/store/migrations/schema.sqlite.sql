CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE attempts (
	id INTEGER NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	item TEXT NOT NULL, 
	run_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	error_kind VARCHAR(40), 
	error TEXT, 
	detail JSON, 
	CONSTRAINT pk_attempts PRIMARY KEY (id)
);

CREATE INDEX ix_attempts_stage_item ON attempts (stage, item);

CREATE TABLE checkpoints (
	id INTEGER NOT NULL, 
	uri TEXT NOT NULL, 
	name TEXT NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	persona TEXT, 
	base_model TEXT, 
	run TEXT, 
	parent TEXT, 
	dataset TEXT, 
	renderer TEXT, 
	recipe TEXT, 
	created_at DATETIME, 
	expires_at DATETIME, 
	metadata JSON NOT NULL, run_path TEXT, save_id TEXT, step INTEGER, 
	CONSTRAINT pk_checkpoints PRIMARY KEY (id), 
	CONSTRAINT uq_checkpoints_uri UNIQUE (uri)
);

CREATE TABLE claims (
	stage VARCHAR(20) NOT NULL, 
	item VARCHAR(120) NOT NULL, 
	run_id INTEGER NOT NULL, 
	CONSTRAINT pk_claims PRIMARY KEY (stage, item)
);

CREATE TABLE datasets (
	id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	run TEXT, 
	persona TEXT, 
	form VARCHAR(20) NOT NULL, 
	base_model TEXT, 
	source TEXT NOT NULL, 
	size BIGINT, 
	modified FLOAT, 
	examples INTEGER, 
	health JSON NOT NULL, 
	CONSTRAINT pk_datasets PRIMARY KEY (id), 
	CONSTRAINT uq_datasets_path UNIQUE (path)
);

CREATE TABLE diagnoses (
	id INTEGER NOT NULL, 
	checkpoint TEXT NOT NULL, 
	persona TEXT, 
	sampler TEXT NOT NULL, 
	cause VARCHAR(40) NOT NULL, 
	evidence JSON NOT NULL, 
	at DATETIME NOT NULL, sampling VARCHAR(32), 
	CONSTRAINT pk_diagnoses PRIMARY KEY (id)
);

CREATE TABLE games (
	id INTEGER NOT NULL, 
	scoring_id INTEGER NOT NULL, 
	first_id BIGINT NOT NULL, 
	second_id BIGINT NOT NULL, 
	result FLOAT, 
	channel VARCHAR(20) NOT NULL, 
	first_chars INTEGER NOT NULL, 
	second_chars INTEGER NOT NULL, 
	both_orders INTEGER NOT NULL, 
	flips INTEGER NOT NULL, 
	decided INTEGER NOT NULL, 
	first_wins INTEGER NOT NULL, 
	flags INTEGER NOT NULL, 
	evidence JSON, 
	run_id INTEGER NOT NULL, 
	CONSTRAINT pk_games PRIMARY KEY (id), 
	CONSTRAINT uq_games_scoring_id_first_id_second_id UNIQUE (scoring_id, first_id, second_id)
);

CREATE TABLE jobs (
	id INTEGER NOT NULL, 
	job_id TEXT NOT NULL, 
	persona TEXT NOT NULL, 
	run TEXT NOT NULL, 
	checkpoint TEXT NOT NULL, 
	sampler TEXT, 
	dataset TEXT NOT NULL, 
	examples INTEGER NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	result TEXT, 
	result_sampler TEXT, 
	error TEXT, 
	recipe TEXT, 
	trainer TEXT, 
	attempts INTEGER NOT NULL, 
	step INTEGER, 
	total_steps INTEGER, 
	loss FLOAT, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_jobs PRIMARY KEY (id), 
	CONSTRAINT uq_jobs_job_id UNIQUE (job_id)
);

CREATE TABLE label_items (
	item VARCHAR(16) NOT NULL, 
	sample_id BIGINT NOT NULL, 
	channel VARCHAR(20) NOT NULL, 
	persona TEXT NOT NULL, 
	drawn_at DATETIME NOT NULL, 
	CONSTRAINT pk_label_items PRIMARY KEY (item)
);

CREATE TABLE labels (
	item VARCHAR(16) NOT NULL, 
	labeller VARCHAR(100) NOT NULL, 
	label INTEGER NOT NULL, 
	note TEXT, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_labels PRIMARY KEY (item, labeller)
);

CREATE TABLE prompts (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	prompt_id TEXT NOT NULL, 
	family TEXT NOT NULL, 
	language TEXT NOT NULL, 
	messages JSON NOT NULL, 
	follow_ups JSON NOT NULL, 
	CONSTRAINT pk_prompts PRIMARY KEY (id), 
	CONSTRAINT uq_prompts_key_prompt_id_family UNIQUE ("key", prompt_id, family)
);

CREATE TABLE runs (
	id INTEGER NOT NULL, 
	command TEXT NOT NULL, 
	version VARCHAR(40) NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	heartbeat_at DATETIME NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	pid INTEGER NOT NULL, 
	process_started VARCHAR(40) NOT NULL, 
	counts JSON NOT NULL, details JSON, 
	CONSTRAINT pk_runs PRIMARY KEY (id)
);

CREATE TABLE samplings (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	sampler TEXT NOT NULL, 
	protocol INTEGER NOT NULL, 
	params JSON NOT NULL, 
	condition TEXT NOT NULL, 
	last_run_id INTEGER NOT NULL, version TEXT, 
	CONSTRAINT pk_samplings PRIMARY KEY (id), 
	CONSTRAINT uq_samplings_key UNIQUE ("key")
);

CREATE TABLE score_totals (
	series_id INTEGER NOT NULL, 
	group_id INTEGER NOT NULL, 
	count BIGINT NOT NULL, 
	missing BIGINT NOT NULL, 
	total FLOAT NOT NULL, 
	total_squared FLOAT NOT NULL, 
	hits BIGINT NOT NULL, 
	CONSTRAINT pk_score_totals PRIMARY KEY (series_id, group_id)
);

CREATE TABLE scored (
	id INTEGER NOT NULL, 
	sample_id BIGINT NOT NULL, 
	scoring_id INTEGER NOT NULL, 
	evidence JSON, 
	CONSTRAINT pk_scored PRIMARY KEY (id), 
	CONSTRAINT uq_scored_sample_id_scoring_id UNIQUE (sample_id, scoring_id)
);

CREATE TABLE scores (
	scored_id INTEGER NOT NULL, 
	series_id INTEGER NOT NULL, 
	value FLOAT, 
	CONSTRAINT pk_scores PRIMARY KEY (scored_id, series_id)
)
 WITHOUT ROWID

;

CREATE TABLE scorings (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	scorer TEXT NOT NULL, 
	protocol INTEGER NOT NULL, 
	persona TEXT NOT NULL, 
	config JSON NOT NULL, 
	fingerprint TEXT NOT NULL, 
	last_run_id INTEGER NOT NULL, version TEXT, 
	CONSTRAINT pk_scorings PRIMARY KEY (id), 
	CONSTRAINT uq_scorings_key UNIQUE ("key")
);

CREATE TABLE training_runs (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	persona TEXT, 
	step INTEGER, 
	total_steps INTEGER, 
	error TEXT, 
	source TEXT NOT NULL, 
	path TEXT NOT NULL, 
	line INTEGER, 
	CONSTRAINT pk_training_runs PRIMARY KEY (id), 
	CONSTRAINT uq_training_runs_name UNIQUE (name)
);

CREATE TABLE training_states (
	id INTEGER NOT NULL, 
	job_id VARCHAR(200) NOT NULL, 
	attempt INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	uri TEXT NOT NULL, 
	metadata JSON NOT NULL, 
	recipe TEXT NOT NULL, 
	saved_at DATETIME NOT NULL, 
	CONSTRAINT pk_training_states PRIMARY KEY (id)
);

CREATE INDEX ix_training_states_job_id_id ON training_states (job_id, id);

CREATE TABLE training_steps (
	job_id VARCHAR(200) NOT NULL, 
	attempt INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	loss FLOAT NOT NULL, 
	learning_rate FLOAT NOT NULL, 
	tokens INTEGER NOT NULL, 
	seconds FLOAT NOT NULL, 
	batch JSON NOT NULL, 
	superseded BOOLEAN NOT NULL, 
	CONSTRAINT pk_training_steps PRIMARY KEY (job_id, attempt, step)
);

CREATE TABLE evidence (
	id INTEGER NOT NULL, 
	checkpoint_id INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	path TEXT NOT NULL, 
	line INTEGER NOT NULL, 
	note TEXT NOT NULL, 
	says JSON NOT NULL, 
	CONSTRAINT pk_evidence PRIMARY KEY (id), 
	CONSTRAINT fk_evidence_checkpoint_id FOREIGN KEY(checkpoint_id) REFERENCES checkpoints (id) ON DELETE CASCADE, 
	CONSTRAINT uq_evidence_checkpoint_id_source_path_line_note UNIQUE (checkpoint_id, source, path, line, note)
);

CREATE TABLE sample_groups (
	id INTEGER NOT NULL, 
	checkpoint_id INTEGER NOT NULL, 
	sampling_id INTEGER NOT NULL, 
	samples BIGINT NOT NULL, 
	errors BIGINT NOT NULL, 
	responses BIGINT NOT NULL, 
	response_chars BIGINT NOT NULL, 
	thinking_chars BIGINT NOT NULL, 
	latency_total FLOAT NOT NULL, 
	latency_count BIGINT NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	closed BIGINT NOT NULL, 
	closed_empty BIGINT NOT NULL, 
	unclosed_stop BIGINT NOT NULL, 
	unclosed_length BIGINT NOT NULL, 
	unclosed_unknown BIGINT NOT NULL, 
	misfiled BIGINT NOT NULL, 
	none BIGINT NOT NULL, filtered BIGINT DEFAULT '0' NOT NULL, tool_call BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_sample_groups PRIMARY KEY (id), 
	CONSTRAINT fk_sample_groups_checkpoint_id FOREIGN KEY(checkpoint_id) REFERENCES checkpoints (id), 
	CONSTRAINT fk_sample_groups_sampling_id FOREIGN KEY(sampling_id) REFERENCES samplings (id), 
	CONSTRAINT uq_sample_groups_checkpoint_id_sampling_id UNIQUE (checkpoint_id, sampling_id)
);

CREATE TABLE series (
	id INTEGER NOT NULL, 
	scoring_id INTEGER NOT NULL, 
	metric TEXT NOT NULL, 
	channel VARCHAR(20) NOT NULL, 
	title TEXT NOT NULL, 
	role VARCHAR(20) NOT NULL, 
	aggregate VARCHAR(20) NOT NULL, 
	higher_is_better BOOLEAN NOT NULL, 
	low FLOAT, 
	high FLOAT, 
	threshold FLOAT, 
	CONSTRAINT pk_series PRIMARY KEY (id), 
	CONSTRAINT fk_series_scoring_id FOREIGN KEY(scoring_id) REFERENCES scorings (id), 
	CONSTRAINT uq_series_scoring_id_metric_channel UNIQUE (scoring_id, metric, channel)
);

CREATE TABLE samples (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	group_id INTEGER NOT NULL, 
	prompt_id INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	finish_reason VARCHAR(40), 
	prompt_tokens INTEGER, 
	completion_tokens INTEGER, 
	reasoning_tokens INTEGER, 
	max_tokens INTEGER, 
	latency FLOAT, 
	error_kind VARCHAR(40), 
	error TEXT, 
	attempt INTEGER NOT NULL, 
	sampled_at DATETIME, 
	run_id INTEGER NOT NULL, 
	extra JSON, 
	prefill TEXT, 
	response TEXT NOT NULL, 
	thinking TEXT NOT NULL, 
	raw TEXT, 
	raw_reasoning TEXT, 
	tags JSON, provenance_id INTEGER, source_file TEXT, row_digest VARCHAR(32), 
	CONSTRAINT pk_samples PRIMARY KEY (id), 
	CONSTRAINT fk_samples_group_id FOREIGN KEY(group_id) REFERENCES sample_groups (id), 
	CONSTRAINT fk_samples_prompt_id FOREIGN KEY(prompt_id) REFERENCES prompts (id), 
	CONSTRAINT uq_samples_key UNIQUE ("key")
);

CREATE INDEX ix_samples_group_id_id ON samples (group_id, id);

CREATE TABLE provenances (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	endpoint TEXT, 
	server_model TEXT, 
	renderer TEXT, 
	prefill TEXT, 
	CONSTRAINT pk_provenances PRIMARY KEY (id), 
	CONSTRAINT uq_provenances_key UNIQUE ("key")
);

CREATE TABLE group_provenances (
	group_id INTEGER NOT NULL, 
	provenance_id INTEGER NOT NULL, 
	samples BIGINT NOT NULL, 
	CONSTRAINT pk_group_provenances PRIMARY KEY (group_id, provenance_id), 
	CONSTRAINT fk_group_provenances_group_id FOREIGN KEY(group_id) REFERENCES sample_groups (id), 
	CONSTRAINT fk_group_provenances_provenance_id FOREIGN KEY(provenance_id) REFERENCES provenances (id)
);

CREATE TABLE removals (
	id INTEGER NOT NULL, 
	what TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	restored_at DATETIME, 
	purged_at DATETIME, 
	CONSTRAINT pk_removals PRIMARY KEY (id)
);

CREATE TABLE prompt_samples (
	group_id INTEGER NOT NULL, 
	prompt_id INTEGER NOT NULL, 
	answered BIGINT NOT NULL, 
	responses BIGINT NOT NULL, 
	CONSTRAINT pk_prompt_samples PRIMARY KEY (group_id, prompt_id)
)
 WITHOUT ROWID

;

CREATE TABLE prompt_scored (
	scoring_id INTEGER NOT NULL, 
	group_id INTEGER NOT NULL, 
	prompt_id INTEGER NOT NULL, 
	samples BIGINT NOT NULL, 
	CONSTRAINT pk_prompt_scored PRIMARY KEY (scoring_id, group_id, prompt_id)
)
 WITHOUT ROWID

;

CREATE TABLE prompt_totals (
	series_id INTEGER NOT NULL, 
	group_id INTEGER NOT NULL, 
	prompt_id INTEGER NOT NULL, 
	count BIGINT NOT NULL, 
	missing BIGINT NOT NULL, 
	total FLOAT NOT NULL, 
	total_squared FLOAT NOT NULL, 
	hits BIGINT NOT NULL, 
	both_hits BIGINT NOT NULL, 
	CONSTRAINT pk_prompt_totals PRIMARY KEY (series_id, group_id, prompt_id)
)
 WITHOUT ROWID

;

CREATE TABLE label_chances (
	draw VARCHAR(16) NOT NULL, 
	item VARCHAR(16) NOT NULL, 
	stratum VARCHAR(20) NOT NULL, 
	chance FLOAT NOT NULL, 
	texts BIGINT NOT NULL, 
	CONSTRAINT pk_label_chances PRIMARY KEY (draw, item)
);

CREATE INDEX ix_label_chances_item ON label_chances (item);

CREATE TABLE endpoint_addresses (
	name VARCHAR(100) NOT NULL, 
	url VARCHAR(2000) NOT NULL, 
	CONSTRAINT pk_endpoint_addresses PRIMARY KEY (name, url)
);

CREATE TABLE removed_samples (
	sample_id INTEGER NOT NULL, 
	removal_id INTEGER NOT NULL, 
	group_id INTEGER NOT NULL, 
	CONSTRAINT pk_removed_samples PRIMARY KEY (sample_id, removal_id), 
	CONSTRAINT fk_removed_samples_group_id FOREIGN KEY(group_id) REFERENCES sample_groups (id), 
	CONSTRAINT fk_removed_samples_removal_id FOREIGN KEY(removal_id) REFERENCES removals (id)
);

CREATE INDEX ix_removed_samples_removal_id ON removed_samples (removal_id);

INSERT INTO alembic_version (version_num) VALUES ('0006');

