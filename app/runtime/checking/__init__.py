"""How rows are checked in linear time, whatever they hold: `app.runtime.rows` says what for."""
