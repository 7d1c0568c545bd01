"""Several releases in one process: which are held loaded, which one answers, and how a worker follows a switch."""
