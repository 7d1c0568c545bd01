"""One file per family of models: from a fitted model to files and a document that the runtime's file of that name reads."""
