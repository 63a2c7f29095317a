from mainline.cli.main import entry

entry()
