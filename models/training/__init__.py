"""Training: from labelled photographs, and a teacher where there are none, to a network.

`trainer.Trainer` carries out a `plan.Plan` on `examples.Examples`. ``booth train``
(`export.training`) reads the photographs, trains, and makes the model file. NOTES.md tells what was
tried.
"""
