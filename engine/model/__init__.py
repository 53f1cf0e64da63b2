"""The ground of the engine: plain data that everything else may name. It imports nothing else of the engine."""
