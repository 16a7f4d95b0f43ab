"""The Open Inference Protocol over gRPC: a front of its own, with the server that it needs."""
