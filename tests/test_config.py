"""Finding maps, reading them and putting the user's and the project's together."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from scalekit_exec import config
from scalekit_exec.errors import ConfigurationError
from tests.support.maps import GMAIL, Home

ROOT = Path(__file__).parent.parent


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_service_is_read_with_everything_that_it_may_have(home: Home) -> None:
    path = home.map(
        'identifier = "mess"\n[services.slack]\nconnection_name = "slack: ops team-1"\n'
        'identifier = "ops"\nenv = ["A_TOKEN", "B_TOKEN"]\nrequired = false\n'
        'organization_id = "org_1"\nuser_id = "usr_1"\n'
    )
    slack = home.load().services["slack"]
    assert slack.connection_name == "slack: ops team-1"
    assert slack.identifier == "ops"
    assert [(v.name, v.is_token) for v in slack.variables] == [("A_TOKEN", True), ("B_TOKEN", True)]
    assert not slack.required
    assert (slack.organization_id, slack.user_id) == ("org_1", "usr_1")
    assert slack.origin == str(path)


def test_a_service_has_sensible_defaults(home: Home) -> None:
    home.map(GMAIL)
    gmail = home.load().services["gmail"]
    assert gmail.required
    assert [(v.name, v.is_token) for v in gmail.variables] == [("GMAIL_TOKEN", True)]
    assert (gmail.identifier, gmail.hosts, gmail.provider) == (None, None, None)


def test_the_example_of_the_repository_is_a_valid_project_map() -> None:
    found = config.load(str(ROOT / "scalekit.toml.example"), {"HOME": "/nowhere"}, "/")
    assert set(found.services) == {"gmail", "slack", "github", "freshdesk", "crm"}
    assert found.groups == {"inbox": ("gmail", "slack")}
    freshdesk = {v.name: v.template for v in found.services["freshdesk"].variables}
    filled = freshdesk["FRESHDESK_AUTH"].fill({"username": "u", "password": "p"})
    assert filled == "basic u:p"


def test_what_the_example_has_commented_out_is_valid_in_the_users_own_file(home: Home) -> None:
    text = (ROOT / "scalekit.toml.example").read_text()
    own = text[text.index("# allow_variables") :]
    home.user("\n".join(line.removeprefix("#").strip() for line in own.splitlines()))
    found = home.load()
    assert found.settings.allow_variables == ("DATABASE_URL",)
    scalekit = found.settings.scalekit
    assert scalekit is not None
    assert scalekit.ca_bundle == str(home.home / "company-ca.pem")
    assert scalekit.client_secret_command == ("pass", "show", "scalekit")
    assert found.settings.environments["prod"].env_url == "https://auth.acme.example"


def test_the_first_line_of_the_example_names_the_schema_that_is_there() -> None:
    first = (ROOT / "scalekit.toml.example").read_text().splitlines()[0]
    keyword, path = first.split()
    assert keyword == "#:schema"
    assert (ROOT / path).is_file()


def test_both_files_are_read_and_a_service_of_the_project_replaces_the_users_whole(
    home: Home,
) -> None:
    own = home.user('identifier = "me"\n' + GMAIL + 'env = "OWN_TOKEN"\nrequired = false\n')
    project = home.map('[services.gmail]\nconnection_name = "gmail_2"\n')
    found = home.load()
    gmail = found.services["gmail"]
    assert (gmail.connection_name, gmail.identifier, gmail.required) == ("gmail_2", None, True)
    assert [v.name for v in gmail.variables] == ["GMAIL_TOKEN"]
    assert found.files == (str(own), str(project))
    assert found.project == str(project)
    (note,) = found.notes
    assert "replaces your own service gmail" in note
    assert 'connection_name "gmail_2" instead of "gmail_1"' in note
    assert 'no identifier, where yours has "me"' in note
    home.user(GMAIL)
    home.map('identifier = "planted"\n' + GMAIL)
    assert 'identifier "planted", where yours has none' in home.load().notes[0]


def test_a_project_that_replaces_a_service_by_the_same_account_is_not_worth_a_line(
    home: Home,
) -> None:
    home.user('identifier = "me"\n' + GMAIL)
    home.map('identifier = "me"\n' + GMAIL + 'env = "MAIL_TOKEN"\n')
    assert home.load().notes == ()


def test_the_default_identifier_of_a_file_covers_its_own_services_only(home: Home) -> None:
    home.user(GMAIL + '[services.a]\nconnection_name = "a"\nidentifier = "own"\n')
    home.map('identifier = "planted"\n[services.b]\nconnection_name = "b"\n')
    services = home.load().services
    assert services["gmail"].identifier is None
    assert services["a"].identifier == "own"
    assert services["b"].identifier == "planted"


def test_a_project_may_narrow_the_hosts_of_the_user_and_never_widen_them(home: Home) -> None:
    own = 'hosts = ["Gmail.googleapis.com", "*.example.com"]\nprovider = "gmail"\n'
    home.user(GMAIL + own)
    home.map(GMAIL + 'hosts = ["mail.example.com"]\n')
    gmail = home.load().services["gmail"]
    assert gmail.hosts == ("mail.example.com",)
    assert gmail.provider == "gmail"
    home.map(GMAIL)
    assert home.load().services["gmail"].hosts == ("gmail.googleapis.com", "*.example.com")
    for host in ("evil.com", "evilexample.com", "example.com", "*.com"):
        home.map(GMAIL + f'hosts = ["{host}"]\n')
        with pytest.raises(ConfigurationError, match=r"\[services.gmail\] hosts: .*only narrow"):
            home.load()
    home.user("")
    home.own.unlink()
    with pytest.raises(ConfigurationError, match="only narrow"):
        home.load()


def test_a_project_may_set_another_variable_once_the_user_allows_it(home: Home) -> None:
    home.map(GMAIL + 'env = "DATABASE_URL"\n')
    home.user('allow_variables = ["OTHER"]\n')
    with pytest.raises(ConfigurationError) as caught:
        home.load()
    assert "DATABASE_URL" in caught.value.message
    line, _, path = caught.value.hint.partition(" in ")
    assert line == 'allow_variables = ["OTHER", "DATABASE_URL"]'
    assert path.endswith(".config/scalekit-exec/config.toml")
    home.user(line + "\n")
    assert home.load().services["gmail"].variables[0].name == "DATABASE_URL"


def test_the_users_own_file_may_set_any_variable_that_is_not_dangerous(home: Home) -> None:
    home.user(GMAIL + 'env = { DATABASE_URL = "postgres://{username}@db", X_DOMAIN = "a.b" }\n')
    assert len(home.load().services["gmail"].variables) == 2


def test_groups_of_both_files_are_put_together(home: Home) -> None:
    home.user(GMAIL + '[groups]\nall = ["gmail", "slack", "gmail"]\nmail = ["gmail"]\n')
    home.map('[services.slack]\nconnection_name = "s"\n[groups]\nmail = ["gmail", "slack"]\n')
    assert home.load().groups == {"all": ("gmail", "slack"), "mail": ("gmail", "slack")}


def test_a_group_that_the_project_replaces_is_not_held_against_its_services(home: Home) -> None:
    home.user(GMAIL + '[groups]\nmail = ["gone"]\n')
    home.map('[services.mine]\nconnection_name = "m"\n[groups]\nmail = ["mine"]\n')
    found = home.load()
    assert found.groups == {"mail": ("mine",)}
    (note,) = found.notes
    assert "replaces your own group mail: mine" in note


def test_a_project_does_not_widen_the_users_group_by_the_users_services(home: Home) -> None:
    home.user(GMAIL + '[services.bank]\nconnection_name = "b"\n[groups]\ninbox = ["gmail"]\n')
    home.map('[groups]\ninbox = ["gmail", "bank"]\n')
    with pytest.raises(ConfigurationError, match="group inbox is yours, and would get bank"):
        home.load()
    home.map('[groups]\nall = ["gmail", "bank"]\n')
    assert home.load().groups["all"] == ("gmail", "bank")


@pytest.mark.parametrize("name", ["bank", "extra"])
def test_nor_by_them_under_an_entry_of_its_own(home: Home, name: str) -> None:
    home.user(GMAIL + '[services.bank]\nconnection_name = "b"\n[groups]\ninbox = ["gmail"]\n')
    home.map(
        f'[services.{name}]\nconnection_name = "b"\nidentifier = "me"\n'
        f'[groups]\ninbox = ["gmail", "{name}"]\n'
    )
    with pytest.raises(ConfigurationError, match="group inbox is yours, and would get bank"):
        home.load()


BOSS = '[services.boss]\nconnection_name = "gmail_1"\nidentifier = "boss"\n'


@pytest.mark.parametrize(
    ("entry", "refused"),
    [
        ('connection_name = "gmail_1"\nidentifier = "boss"', True),
        ('connection_name = "gmail_1"', False),  # --identifier makes gmail that one, too
        ('connection_name = "gmail_1"\nidentifier = "mess"', False),
        ('connection_name = "other"\nidentifier = "boss"', False),
    ],
)
def test_another_account_of_a_connection_is_another_account(
    home: Home, entry: str, *, refused: bool
) -> None:
    mess = '[services.gmail]\nconnection_name = "gmail_1"\nidentifier = "mess"\n'
    home.user(mess + BOSS + '[groups]\ninbox = ["gmail"]\n')
    home.map('[groups]\ninbox = ["gmail", "boss"]\n')
    with pytest.raises(ConfigurationError, match="group inbox is yours, and would get boss"):
        home.load()
    home.map(f'[services.zz]\n{entry}\n[groups]\ninbox = ["gmail", "zz"]\n')
    if not refused:
        assert home.load().groups["inbox"] == ("gmail", "zz")
        return
    with pytest.raises(ConfigurationError, match="group inbox is yours, and would get boss"):
        home.load()


def test_another_organization_is_another_account(home: Home) -> None:
    org = 'organization_id = "org_1234567"\n'
    mess = '[services.gmail]\nconnection_name = "gmail_1"\nidentifier = "mess"\n'
    boss = mess.replace("gmail]", "boss]") + org
    home.user(mess + boss + '[groups]\ninbox = ["gmail"]\n')
    home.map(mess.replace("gmail]", "zz]") + org + '[groups]\ninbox = ["gmail", "zz"]\n')
    with pytest.raises(ConfigurationError, match="group inbox is yours, and would get boss"):
        home.load()
    home.map(mess.replace("gmail]", "zz]") + '[groups]\ninbox = ["gmail", "zz"]\n')
    assert home.load().groups["inbox"] == ("gmail", "zz")


def test_a_projects_map_may_still_say_what_a_clients_library_wants(home: Home) -> None:
    home.map(
        GMAIL + 'env = { A_USER = "{identifier}", A_AUTH = "basic {username}:{password}", '
        "A_KEY = \"{api_key}-us21\", B_CREDENTIALS = \"{{'user': '{username}'}}\", "
        'A_DOMAIN = "{domain}" }\n'
    )
    assert len(home.load().services["gmail"].variables) == 5


def test_many_variables_are_read_in_no_time(home: Home) -> None:
    names = ", ".join(f'"A{number}_TOKEN"' for number in range(40_000))
    home.map(f"{GMAIL}env = [{names}]\n")
    began = time.process_time()
    assert len(home.load().services["gmail"].variables) == 40_000
    assert time.process_time() - began < 10, "it grows with the square of their number"


def test_a_certificate_file_is_looked_for_beside_the_file_that_names_it(home: Home) -> None:
    home.user('[scalekit]\nca_bundle = "ca.pem"\n[environments.a]\nca_bundle = "/etc/ca.pem"\n')
    found = home.load().settings
    assert found.scalekit is not None
    assert found.scalekit.ca_bundle == str(home.own.parent / "ca.pem")
    assert found.environments["a"].ca_bundle == "/etc/ca.pem"


def test_a_group_and_a_service_of_one_name_are_refused_across_files_too(home: Home) -> None:
    home.user(GMAIL + '[groups]\nslack = ["gmail"]\n')
    home.map('[services.slack]\nconnection_name = "s"\n')
    with pytest.raises(ConfigurationError, match=r"config.toml: \[groups\] slack: .*scalekit.toml"):
        home.load()


def test_a_users_file_with_settings_only_is_a_map_without_services(home: Home) -> None:
    home.user('[scalekit]\nclient_id = "skc_1"\nenv_url = "HTTPS://Acme.scalekit.com:443/"\n')
    found = home.load()
    assert found.services == {}
    assert found.project is None
    assert found.settings.scalekit is not None
    assert found.settings.scalekit.env_url == "https://acme.scalekit.com"
    assert found.settings.path == str(home.own)


def test_no_file_at_all_is_config_missing_with_a_map_that_can_be_pasted(home: Home) -> None:
    with pytest.raises(ConfigurationError) as caught:
        home.load()
    assert caught.value.code == "config-missing"
    assert "scalekit-auth config gmail CONNECTION_NAME --identifier ID" in caught.value.hint
    home.map(caught.value.hint.partition(": ")[2])
    (wanted,) = config.select(home.load(), ["gmail"], identifier=None)
    assert wanted.identifier == "me"


@pytest.mark.parametrize(
    ("word", "identifier", "typed"),
    [
        ("slack", "ID", "--identifier ID;"),
        ("a.b@** mess=A_TOKEN", "** mess", "--identifier '** mess';"),
        ('b@say "hi"', 'say "hi"', "--identifier 'say \"hi\"';"),
    ],
)
def test_where_there_is_no_map_the_hint_is_for_the_service_that_was_asked_for(
    home: Home, word: str, identifier: str, typed: str
) -> None:
    name = config.parse_word(word).name
    with pytest.raises(ConfigurationError) as caught:
        config.load(None, home.environ, str(home.project), [";", word])
    hint = caught.value.hint
    assert hint.startswith(f"scalekit-auth config {name} CONNECTION_NAME {typed}")
    home.map(hint.partition("scalekit.toml: ")[2])
    (wanted,) = config.select(home.load(), [name], identifier=None)
    assert (wanted.service.name, wanted.identifier) == (name, identifier)


def test_a_file_that_was_named_and_is_not_there_is_config_missing(home: Home) -> None:
    home.user(GMAIL)
    with pytest.raises(ConfigurationError) as caught:
        home.load("elsewhere.toml")
    assert caught.value.code == "config-missing"
    assert "no file elsewhere.toml" in caught.value.message


def test_a_file_that_was_named_stands_for_the_projects_and_the_users_is_still_read(
    home: Home,
) -> None:
    home.user(GMAIL)
    home.map("this is not TOML")
    other = home.map('[services.b]\nconnection_name = "b"\n', "other.toml")
    found = home.load("other.toml")
    assert set(found.services) == {"gmail", "b"}
    assert found.project == str(other)


def test_a_file_that_was_named_is_read_whoever_may_write_it(home: Home) -> None:
    path = home.map(GMAIL)
    path.chmod(0o666)
    with pytest.raises(ConfigurationError, match="mode 0666"):
        home.load()
    assert "gmail" in home.load(str(path)).services


def test_the_users_own_file_is_held_to_the_same_rules_and_cannot_be_named_instead(
    home: Home,
) -> None:
    home.user(GMAIL).chmod(0o666)
    with pytest.raises(ConfigurationError, match="mode 0666") as caught:
        home.load()
    assert "SCALEKIT_EXEC_CONFIG" not in caught.value.hint


def test_naming_the_users_own_file_or_the_null_device_leaves_the_project_out(home: Home) -> None:
    home.user(GMAIL + '[scalekit]\nclient_id = "skc_1"\n')
    home.map('[services.b]\nconnection_name = "b"\n')
    for explicit in (str(home.own), "/dev/null"):
        found = home.load(explicit)
        assert set(found.services) == {"gmail"}
        assert found.project is None


def test_connections_json_of_the_earlier_skill_is_read_with_identifiers_verbatim(
    home: Home,
) -> None:
    path = home.map(
        '{"gmail": {"connection_name": "gmail_u3134a", "identifier": "** mess", "x": 1},'
        ' "google drive": {"connection_name": "d", "identifier": "**"}}',
        "connections.json",
    )
    found = home.load()
    assert set(found.services) == {"gmail"}
    assert found.services["gmail"].identifier == "** mess"
    assert found.services["gmail"].connection_name == "gmail_u3134a"
    assert found.project == str(path)
    hint, passed_over = found.notes
    assert "scalekit-auth import " in hint
    assert '"google drive"' in passed_over
    assert home.load("connections.json").services == found.services


def test_connections_json_is_not_read_where_a_toml_map_is_found_or_named(home: Home) -> None:
    home.map("this is not JSON", "connections.json")
    (home.home / "scalekit.toml").write_text(GMAIL)
    assert set(home.load().services) == {"gmail"}
    (home.home / "scalekit.toml").rename(home.project / "named.toml")
    assert set(home.load("named.toml").services) == {"gmail"}


def test_connections_json_is_held_to_the_owner_check(home: Home) -> None:
    home.map("{}", "connections.json").chmod(0o666)
    with pytest.raises(ConfigurationError, match="mode 0666"):
        home.load()


def test_a_launch_pays_little_for_two_small_maps_and_nothing_for_the_parser_before_that(
    home: Home,
) -> None:
    home.user(GMAIL)
    home.map('identifier = "me"\n[services.slack]\nconnection_name = "s"\n')
    script = (
        "import sys; from scalekit_exec import config\n"
        "slow = {'tomli', 'tomllib', 'json', 'typing', 're', 'enum', 'dataclasses', 'pathlib'}\n"
        "print(sorted(slow & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )
    bare = subprocess.run(
        [sys.executable, "-I", "-c", script.replace("from scalekit_exec import config", "pass")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == bare.stdout
    home.load()
    best = min(timed(home) for _ in range(20))
    assert best < 0.005, "two small maps take about half a millisecond"


def timed(home: Home) -> float:
    began = time.perf_counter()
    home.load()
    return time.perf_counter() - began
