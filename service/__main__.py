"""``python -m service``: the command ``booth``, where it is not on the path."""

from service.cli.main import main

main()
