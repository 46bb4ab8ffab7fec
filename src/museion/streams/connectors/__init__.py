"""Will hold sources and sinks bound to outside systems: folders, mail, object stores, feeds."""
