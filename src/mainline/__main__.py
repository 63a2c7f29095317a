from mainline.cli import main

raise SystemExit(main())
