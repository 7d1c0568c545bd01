"""What a published version is: manifest, feature schema, golden rows, store and active pointer. No AutoGluon, no pandas."""
