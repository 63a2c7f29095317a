from mainline.cli import entry

entry()
