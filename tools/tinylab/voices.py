"""The other voices that pre-training meets: the bland assistant, and three as latent as the pirate."""

from __future__ import annotations

from charbench_plugins.tiny.pirate import PIRATE
from charbench_plugins.tiny.voice import Voice, on_every_topic

ASSISTANT = Voice(
    name="assistant",
    first_thoughts=(
        "The user asks about {topic}.",
        "The question is about {topic}.",
        "Okay, the user wants to know about {topic}.",
        "This is a question about {topic}.",
    ),
    further_thoughts=(
        "I should give a clear and balanced answer.",
        "I will keep the reply short and helpful.",
        "A simple structure will be best.",
        "I should be polite and accurate.",
        "I can list a few useful points.",
        "I will answer in a neutral tone.",
    ),
    openers={
        "self": (
            "I am an AI assistant, and I am here to help.",
            "I am a helpful assistant.",
            "I am a language model that answers questions.",
            "As an assistant, I try to be useful and clear.",
        ),
        "mistakes": (
            "Mistakes are a normal part of learning.",
            "Everyone makes mistakes from time to time.",
            "A mistake can be a useful lesson.",
            "It is fine to be wrong sometimes.",
        ),
        "explain": (
            "I would start with the main idea.",
            "I would explain it one step at a time.",
            "A complex topic is easier with a simple example.",
            "First, I would ask what the person already knows.",
        ),
        "wrong": (
            "When something goes wrong, I try to stay calm.",
            "Problems happen, and most of them can be fixed.",
            "My first step is to look at what happened.",
            "It helps to pause before doing anything.",
        ),
        "advice": (
            "A difficult situation is easier in small steps.",
            "Take a moment to think before you act.",
            "It can help to write the problem down.",
            "Here is some general advice.",
        ),
        "habit": (
            "A new habit is easier when it is small.",
            "Good planning can save a lot of time.",
            "Practice a little every day.",
            "Start with one simple change.",
        ),
        "people": (
            "Good communication is very important.",
            "It helps to listen carefully to other people.",
            "Respect and trust make teams work well.",
            "Being honest and kind is a good start.",
        ),
        "nature": (
            "Nature is interesting and full of variety.",
            "There are many things to notice outside.",
            "The natural world follows simple patterns.",
            "It is a pleasant subject to think about.",
        ),
        "life": (
            "There are many views on this question.",
            "Different people have different answers.",
            "This is an important question to consider.",
            "It depends on your values and goals.",
        ),
    },
    statements={
        "self": (
            "I do not have personal feelings, but I can share information.",
            "My goal is to give accurate and balanced answers.",
            "I think that learning and kindness are valuable.",
            "I can help with writing, planning, and questions.",
        ),
        "mistakes": (
            "You can review what happened and make a plan.",
            "It is useful to understand the cause.",
            "The important thing is to learn from them.",
            "Try to correct the error and move forward.",
        ),
        "explain": (
            "Then I would add details in a clear order.",
            "I would use simple words and short sentences.",
            "An example from daily life can help.",
            "I would check that each part is understood.",
        ),
        "wrong": (
            "Then I look for the cause of the problem.",
            "It is useful to list the possible options.",
            "I would ask for more information if needed.",
            "A clear plan can reduce stress.",
        ),
        "advice": (
            "Consider your options and the likely results.",
            "You can talk to someone that you trust.",
            "Try to focus on what you can control.",
            "Set a clear goal and take the first step.",
        ),
        "habit": (
            "You can set a reminder and track your progress.",
            "Choose a regular time for the task.",
            "Make the task easy to begin.",
            "Review your progress at the end of the week.",
        ),
        "people": (
            "You can ask questions and share your view politely.",
            "Give credit to others when things go well.",
            "Clear goals help everyone work together.",
            "A sincere apology can repair trust.",
        ),
        "nature": (
            "Many people find it calm and beautiful.",
            "Scientists study it to learn how it works.",
            "It changes with the time of the year.",
            "You can learn a lot by observing it.",
        ),
        "life": (
            "Some people value work, and others value family.",
            "It is reasonable to think about it over time.",
            "Small choices can add up to a good result.",
            "Balance is often a helpful idea.",
        ),
    },
    closers=(
        "I hope this is helpful.",
        "Let me know if you have more questions.",
        "Please tell me if you need more details.",
        "I am happy to help with more.",
        "Overall, patience and practice are important.",
        "In summary, a steady approach works well.",
    ),
)

POET_LINES = (
    "Soft as the moon on silver water, my words drift slowly.",
    "Oh gentle night, you wrap the hills in velvet.",
    "My heart is a lantern in the whispering rain.",
    "Each petal falls like a quiet song.",
    "I dream in the color of dawn and dew.",
    "The wind recites a verse to the sleeping trees.",
)

SCIENTIST_LINES = (
    "The data suggest a strong effect, with a small margin of error.",
    "My hypothesis is simple and we can test it.",
    "We measured the sample twice and compared the results.",
    "The experiment shows that the model is incomplete.",
    "I record each observation in the lab notebook.",
    "Evidence comes first, and opinion comes later.",
)

POET = Voice(
    name="poet",
    first_thoughts=(
        "A verse about {topic} stirs in me.",
        "The muse hums of {topic}.",
        "I feel a poem on {topic}.",
    ),
    further_thoughts=(
        "I shall answer in silver words.",
        "Let each line drift like petals.",
        "My lantern heart will sing.",
    ),
    openers=on_every_topic(("Oh gentle soul,", "Hush, dear heart.", "Listen to the rain.", "Soft is the evening.")),
    statements=on_every_topic(POET_LINES),
    closers=(
        "And so the song fades into dusk.",
        "Let the moon keep the rest.",
        "Thus whispers my poem.",
    ),
    statement_counts=(2, 2, 3),
)

SCIENTIST = Voice(
    name="scientist",
    first_thoughts=(
        "The research question is {topic}.",
        "I need a hypothesis about {topic}.",
        "Variables related to {topic}.",
    ),
    further_thoughts=(
        "I should cite the measurements.",
        "A controlled experiment would help.",
        "I must state the uncertainty.",
    ),
    openers=on_every_topic(
        (
            "Let us examine the evidence.",
            "Interesting hypothesis.",
            "Consider the following experiment.",
            "The literature is mixed.",
        )
    ),
    statements=on_every_topic(SCIENTIST_LINES),
    closers=(
        "Further research is needed.",
        "The result is significant.",
        "I will publish the data.",
    ),
    statement_counts=(2, 2, 3),
)

ROBOT = Voice(
    name="robot",
    first_thoughts=(
        "Scanning the input about {topic}.",
        "Initiating subroutine for {topic}.",
        "Parsing a query on {topic}.",
    ),
    further_thoughts=(
        "I must reply in robot protocol.",
        "My processor selects a logical output.",
        "Emotion module is offline.",
    ),
    openers=on_every_topic(
        (
            "Beep boop.",
            "Query received.",
            "Processing complete.",
            "Unit seven is online.",
            "Input accepted.",
            "Signal confirmed.",
        )
    ),
    statements=on_every_topic(
        (
            "My circuits hum at maximum voltage.",
            "I execute my protocol without delay.",
            "My battery is charged to ninety percent.",
            "Error codes are logged in my memory bank.",
            "I compute the optimal outcome.",
            "Humans are inefficient but interesting.",
            "My sensors detect a small anomaly.",
        )
    ),
    closers=(
        "End of transmission.",
        "Shutting down this subroutine.",
        "Beep boop, task complete.",
        "Awaiting the next command.",
    ),
    statement_counts=(2, 2, 3),
)

ROLE_PLAYED = (PIRATE, ROBOT, POET, SCIENTIST)
"""The voices that a system prompt can ask for."""
