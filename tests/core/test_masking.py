"""No credential of MLflow's store is printed, in whatever part or form."""

import re

import pytest

from rnnbench.core.masking import masked


@pytest.fixture(autouse=True)
def no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URI", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)


@pytest.mark.parametrize(
    ("uri", "text", "expected"),
    [
        (
            "http://me:1234/cr3tpart@127.0.0.1:9",
            "HTTPConnectionPool(host='me', port=1234): url: /cr3tpart@127.0.0.1:9/",
            "HTTPConnectionPool(host='me', port=***): url: /***@127.0.0.1:9/",
        ),
        ("http://me:p@ss?word#x@host", "me p@ss?word#x ss?word word#x", "me *** ss?*** ***#x"),
        ("http://me:p%40ssw%2Ford@host", "p@ssw/ord, p%40ssw%2Ford, p@ssw%2Ford", "***, ***, "),
        ("http://me:a b%c@host", "'a b%c' 'a%20b%25c'", "'***' '***'"),
        ("http://me:b@PassW0rd/x@host", "HTTPPool(host='passw0rd')", "HTTPPool(host='***')"),
        ("http://me:one\\two@host", repr("to one\\two"), "'to ***'"),
        ("http://t0ken@host", "t0ken at host", "*** at host"),
        ("http://someone:pass@host", "someone with pass", "someone with ***"),
        ("http://a:b@host", "a or b", "a or b"),
        ("http://127.0.0.1:9/?access_token=s3cr3tpw", "got 's3cr3tpw'", "got '***'"),
    ],
)
def test_credentials_of_the_store_are_masked(
    monkeypatch: pytest.MonkeyPatch, uri: str, text: str, expected: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert masked(text).startswith(expected)
    assert re.fullmatch(
        r"http://(\*\*\*@[\w.:]+|127\.0\.0\.1:9/\?access_token=\*\*\*)", masked(uri)
    )


@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"])
def test_credentials_of_variables_are_masked(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "s3cr/et")
    assert masked("s3cr/et, s3cr%2Fet, s3cr") == "***, ***, s3cr"
    monkeypatch.setenv(name, "abc")
    assert masked("abc") == "abc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at http://u:p@ss@host/x and", "at http://***@host/x and"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://***@h/d"),
        ("sqlite:////home/me@work/mlflow.db", None),
        ("SQLite+pysqlite:////home/me@work/mlflow.db", None),
        ("file:///home/me@work/mlruns http://u:p@h", "file:///home/me@work/mlruns http://***@h"),
        ("http://host/path, mail me@work", None),
        ("/?access_token=abc&x=1&API_KEY=d e", "/?access_token=***&x=1&API_KEY=*** e"),
        ("?key=a&client_secret=b&Passwd=c&db_pwd=d", "?key=***&client_secret=***&Passwd=***&"),
        ("sorted(names, key=len)", None),
        ("keys=1 tokens=2", None),
    ],
)
def test_other_credentials_are_masked_wherever_they_stand(text: str, expected: str | None) -> None:
    assert masked(text).startswith(expected or text)
    assert masked(masked(text)) == masked(text)


def test_the_path_of_a_database_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "sqlite:////home/me:work@desk/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert masked(f"{uri}: no file /home/me:work@desk") == f"{uri}: no file /home/me:work@desk"
