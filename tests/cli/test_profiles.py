"""--profile and AWS_PROFILE: keys and place from the files in the home folder."""

from __future__ import annotations

from cli_support import Bucket, Cli


def use_files(cli: Cli) -> None:
    """What the environment said goes into a profile of the home folder's files."""
    env, cli.extra = cli.extra, {}
    folder = cli.home / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        f"[dev]\naws_access_key_id = {env['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {env['AWS_SECRET_ACCESS_KEY']}\n"
    )
    (folder / "config").write_text(
        f"[profile dev]\nendpoint_url = {env['AWS_ENDPOINT_URL']}\nregion = {env['AWS_REGION']}\n"
    )


def test_a_profile_by_option_or_environment(cli: Cli, bucket: Bucket) -> None:
    use_files(cli)
    (cli.home / "x").write_text("by profile\n")
    cli.ok("cp", "-q", "--profile", "dev", "x", f"{bucket.uri}/x")
    assert bucket.names() == ["x"]
    assert cli.ok("cat", f"{bucket.uri}/x", AWS_PROFILE="dev").out == "by profile\n"
    # A profile that was named goes before keys of the environment.
    wrong = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    assert cli("cat", f"{bucket.uri}/x", AWS_PROFILE="dev", **wrong).status != 0
    assert cli.ok("cat", "--profile", "dev", f"{bucket.uri}/x", **wrong).out == "by profile\n"


def test_a_missing_profile_is_told(cli: Cli) -> None:
    result = cli("ls", "s3://bucket/", "--profile", "nope")
    assert result.status != 0
    assert "profile 'nope' is neither in ~/.aws/credentials nor in ~/.aws/config" in result.err


def test_no_secret_is_shown(cli: Cli) -> None:
    folder = cli.home / ".aws"
    folder.mkdir()
    secret = "canary/secret+of/a+profile"
    (folder / "credentials").write_text(
        f"[a]\naws_access_key_id = A\naws_secret_access_key = {secret}\n"
        f"aws_session_token = {secret}\n[b]\naws_access_key_id = A\n"
        f"aws_secret_access_key = {secret}\njunk {secret}\n"
    )
    for profile in ("a", "b"):
        result = cli(
            "ls",
            "s3://bucket/",
            "-vv",
            "--profile",
            profile,
            "--endpoint-url",
            "http://127.0.0.1:1",
        )
        assert result.status != 0
        assert secret not in result.out + result.err
