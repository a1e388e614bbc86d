"""The transports: Scalekit over REST, over gRPC, and the step from one to the other."""
