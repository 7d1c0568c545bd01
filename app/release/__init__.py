"""What a published version is: manifest, feature schema, golden rows, store, pointer. No AutoGluon, no pandas."""
