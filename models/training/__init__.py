"""Training: from labelled photographs, and a teacher where there are none, to a network.

`trainer.Training` runs a `plan.Plan` over `examples.Examples`. ``booth train`` (`export.cli.train`)
reads the photographs, runs it, and makes the model file. NOTES.md tells what was tried.
"""
