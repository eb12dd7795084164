"""Entry point of the `edgeheat` command; free of imports, because every child process imports this module again."""


def main() -> None:
    """Run the command line."""
    try:
        from edgeheat.cli.app import app

        app()
    except KeyboardInterrupt:
        # Ctrl-C while the modules still load, which takes seconds on a Raspberry Pi: `exit_codes` is not reached yet.
        import sys

        sys.stderr.write("interrupted\n")
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
