"""One file per family of models: a fitted model as files and a document that the runtime's file of that name reads."""
