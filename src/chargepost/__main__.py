"""python -m chargepost"""

from chargepost.cli import main

main()
