"""Tables that are scored in the background: kept in the database, advanced in steps by any number of workers."""
