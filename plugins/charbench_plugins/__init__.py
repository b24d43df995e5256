"""The plugins that come with charbench: each uses only what ``charbench`` exports, as a stranger's would."""
