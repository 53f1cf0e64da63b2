"""Files as the server and the workbench share them: the lease file, configuration files, new files."""
