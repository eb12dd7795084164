"""The `edgeheat` command; kept free of imports, because every worker process imports this module again."""


def main() -> None:
    """Run the command line."""
    from edgeheat.cli import app

    app()


if __name__ == "__main__":
    main()
