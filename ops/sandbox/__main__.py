from ops.sandbox.command import main

main()
