from genre.cli import main

main()
