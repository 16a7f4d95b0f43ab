"""The page: a photograph in, five labels out; it knows the service by its HTTP API alone."""

import os

# Read while Gradio is imported: it must speak to no host but ours.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
