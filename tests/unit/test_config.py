"""Both configuration files: what is read from what people write, and what a mistake is told."""

import pytest

from pipeline.config import BotFile, Playbook, Product, parse
from pipeline.errors import ConfigError

PLAYBOOK = """
product = "shop"
[components.api]
sources = ["shop"]
run = "python -m shop"
{component}
[tests.unit]
run = "pytest"
{check}
[smoke]
run = "pytest smoke"
"""
BOT = """
[products.shop]
repository = "shop.git"
channel = "C0123456789"
{product}
[products.shop.people]
start = ["S0RELEASE"]
approve = ["S0APPROVE"]
rollback = ["S0RELEASE"]
[products.shop.environments.staging]
url = "http://127.0.0.1:8101"
first_port = 18000
{staging}
[products.shop.environments.production]
url = "http://127.0.0.1:8201"
first_port = 19000
{production}
"""
ON_DOCKER = 'target = "docker"'


def playbook(component: str = "", check: str = "") -> Playbook:
    return parse(Playbook, PLAYBOOK.format(component=component, check=check), "playbook.toml")


def bot(product: str = "", staging: str = ON_DOCKER, production: str = ON_DOCKER) -> BotFile:
    return parse(BotFile, BOT.format(product=product, staging=staging, production=production), "bot.toml")


def test_a_component_says_how_its_image_is_built_and_what_it_may_use() -> None:
    api = playbook(
        'image = { target = "api", args = { BASE = "python:3.12-slim" } }\nmemory = "512m"\ncpus = 0.5\npids = 200\n'
        'volumes = { uploads = "/var/lib/shop" }\noverlap = true'
    ).components["api"]
    assert api.image
    assert (api.image.dockerfile, api.image.target) == ("Dockerfile", "api")
    assert api.image.args == {"BASE": "python:3.12-slim"}
    assert (api.memory, api.cpus, api.pids, api.overlap) == (512 * 2**20, 0.5, 200, True)
    assert api.volumes == {"uploads": "/var/lib/shop"}


def test_without_a_word_of_containers_nothing_is_limited() -> None:
    api = playbook().components["api"]
    assert (api.image, api.memory, api.cpus, api.pids, api.volumes, api.overlap) == (None,) * 4 + ({}, False)


@pytest.mark.parametrize(
    ("written", "size"), [('"6m"', 6 * 2**20), ('" 2 g "', 2 * 2**30), ("7000000", 7_000_000)]
)
def test_sizes(written: str, size: int) -> None:
    assert playbook(f"memory = {written}").components["api"].memory == size


@pytest.mark.parametrize(
    ("component", "told"),
    [
        (
            'memory = "much"',
            r'components\.api\.memory: found .much.; should be a size such as "512m" or "2g"',
        ),
        ('memory = "1m"', r"components\.api\.memory: .*greater than or equal to 6291456"),
        ("memory = true", r"components\.api\.memory: found True; should be a size"),
        ("cpus = 0", r"components\.api\.cpus: found 0; .*greater than 0"),
        ("cpus = inf", r"components\.api\.cpus: .*finite"),
        ("pids = -1", r"components\.api\.pids: "),
        ('image = { dockerfile = "../Dockerfile" }', r"image\.dockerfile: .*path inside the repository"),
        ('image = { dockerfile = "/etc/passwd" }', r"image\.dockerfile: .*path inside the repository"),
        ('image = { target = "--privileged" }', r"image\.target: "),
        ('image = { args = { "A B" = "c" } }', r"image\.args\.A B"),
        ('volumes = { "/etc" = "/etc" }', r"volumes\./etc"),
        ('volumes = { data = "/" }', r"volumes\.data: found '/'; should be an absolute path of a folder"),
        ('volumes = { data = "/a/../etc" }', r"volumes\.data: .*absolute path"),
        ('volumes = { data = "/a:/b" }', r"volumes\.data: .*absolute path"),
        ('volumes = { a = "/data", b = "/data" }', r"volumes has two names for /data;"),
        ('mounts = { "/" = "/host" }', r"components\.api\.mounts: is not a known key"),
        ("privileged = true", r"components\.api\.privileged: is not a known key"),
    ],
)
def test_a_mistake_in_a_component_is_named(component: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        playbook(component)


def test_a_check_may_run_in_a_container() -> None:
    check = playbook(check='container = { component = "api", memory = "1g" }').tests["unit"]
    assert check.container
    assert (check.container.image, check.container.component, check.container.network) == (None, "api", False)
    assert check.container.memory == 2**30


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ("{}", r"tests\.unit\.container: .*name either an image or a component"),
        (
            '{ image = "a", component = "api" }',
            r"tests\.unit\.container: .*name either an image or a component",
        ),
        ('{ image = "-v /:/host" }', r"tests\.unit\.container\.image: "),
        ('{ component = "web" }', r"tests\.unit\.container names the component 'web'; there is none"),
        ('{ image = "a", network = "host" }', r"tests\.unit\.container\.network: "),
        ('{ image = "a", user = "root" }', r"tests\.unit\.container\.user: is not a known key"),
    ],
)
def test_a_mistake_in_a_container_is_named(container: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        playbook(check=f"container = {container}")


def test_the_operator_says_where_the_engine_is_and_what_is_mounted() -> None:
    product = (
        '[products.shop.docker]\nhost = "unix:///run/docker.sock"\nregistry = "registry.example:5000/team"'
    )
    shop = bot(
        product,
        f'{ON_DOCKER}\nmounts = {{ "/srv/shop" = "/srv/shop", cache = "/cache" }}\nuser = "1000:1000"',
    )
    settings = shop.products["shop"]
    assert settings.docker.host == "unix:///run/docker.sock"
    assert settings.docker.registry == "registry.example:5000/team"
    assert settings.docker.router_image == "caddy:2"
    assert settings.environments.staging.mounts == {"/srv/shop": "/srv/shop", "cache": "/cache"}
    assert settings.environments.staging.user == "1000:1000"


@pytest.mark.parametrize(
    ("product", "staging", "production", "told"),
    [
        ("", "", ON_DOCKER, r'environments: .*staging has target = "local" and production "docker"'),
        ("", 'target = "swarm"', ON_DOCKER, r"staging\.target: "),
        ("", 'user = "1000"', "", r"staging: .*mounts and user are for containers"),
        ("", f'{ON_DOCKER}\nuser = "-u 0"', ON_DOCKER, r"staging\.user: "),
        ("", f'{ON_DOCKER}\nmounts = {{ "srv/shop" = "/a" }}', ON_DOCKER, r"mounts\.srv/shop.*absolute path"),
        ("", f'{ON_DOCKER}\nmounts = {{ "/a/../etc" = "/a" }}', ON_DOCKER, r"mounts.*absolute path"),
        ('docker = { host = "npipe://x" }', ON_DOCKER, ON_DOCKER, r"docker\.host: "),
        ('docker = { registry = "https://x/y" }', ON_DOCKER, ON_DOCKER, r"docker\.registry: "),
    ],
)
def test_a_mistake_of_the_operator_is_named(product: str, staging: str, production: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        bot(product, staging, production)


EVALUATION = """
[evaluation]
run = "evaluate {{output}}"
cases = 20
{0}
"""


def evaluation(keys: str) -> Playbook:
    return parse(
        Playbook,
        PLAYBOOK.format(component="", check="") + EVALUATION.format(keys),
        "playbook.toml",
    )


def test_an_evaluation_says_whose_report_it_is_and_what_decides() -> None:
    found = evaluation(
        'format = "promptfoo"\nminimum = { accuracy = 0.9 }\ncritical = ["risk=high"]\nnarrow = 0\n'
        'most_lost = 0\nrerun = "evaluate {output} {cases}"'
    ).evaluation
    assert found
    assert (found.format, found.critical, found.narrow, found.most_lost) == (
        "promptfoo",
        ("risk=high",),
        0,
        0,
    )
    assert found.rerun == ("evaluate", "{output}", "{cases}")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ('format = "langsmith"', "evaluation.format: found 'langsmith'"),
        ("minimum = { accuracy = nan }", "evaluation.minimum.accuracy"),
        ("maximum = { cost_usd = inf }", "evaluation.maximum.cost_usd"),
        ("narrow = 0.6", "evaluation.narrow"),
        ("most_lost = -1", "evaluation.most_lost"),
        ('critical = [""]', "evaluation.critical.0"),
        ('rerun = "evaluate {output}"', "rerun should have {cases} in it"),
    ],
)
def test_a_mistake_in_an_evaluation_is_named(keys: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        evaluation(keys)
    assert told in str(caught.value)


def flags_of(product: str = "", people: str = "") -> Product:
    text = BOT.format(product=product, staging="", production="")
    people = f'rollback = ["S0RELEASE"]\n{people}'
    return parse(BotFile, text.replace('rollback = ["S0RELEASE"]', people), "bot.toml").products["shop"]


def test_flags_are_kept_in_a_file_unless_the_operator_names_a_server() -> None:
    assert flags_of().flags.provider == "file"
    assert flags_of().people.flags == ()
    assert flags_of(people='flags = ["U0ONCALL"]').people.flags == ("U0ONCALL",)
    unleash = flags_of(
        '[products.shop.flags]\nprovider = "unleash"\nurl = "https://unleash.example/eu"\n'
        'environments = { staging = "development" }'
    ).flags
    assert (unleash.environment("staging"), unleash.environment("production")) == (
        "development",
        "production",
    )
    dark = flags_of('[products.shop.flags]\nprovider = "launchdarkly"\nproject = "shop"').flags
    assert (dark.project, dark.url, dark.sdk_url) == ("shop", None, None)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ('provider = "flipt"', r"flags\.provider: "),
        ('provider = "unleash"', r"needs url"),
        ('provider = "launchdarkly"', r"needs project"),
        ('url = "https://unleash.example"', r"url: only for a server"),
        ('environments = { staging = "dev" }', r"environments: only for a server"),
        ('provider = "unleash"\nurl = "unleash.example"', r"flags\.url: "),
        ('provider = "unleash"\nurl = "https://u:p@x/?a=b"', r"flags\.url: "),
        ('provider = "unleash"\nurl = "https://x"\nsdk_url = "https://y"', r"sdk_url is for LaunchDarkly"),
        ('provider = "launchdarkly"\nproject = "../x"', r"flags\.project: "),
        ('provider = "unleash"\nurl = "https://x"\nenvironments = { qa = "qa" }', r"flags\.environments\.qa"),
        ('provider = "unleash"\nurl = "https://x"\ntoken = "secret"', r"flags\.token: is not a known key"),
    ],
)
def test_a_mistake_in_the_flags_of_the_operator_is_named(flags: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        flags_of(f"[products.shop.flags]\n{flags}")


def test_kill_switches_are_all_safe_flags_unless_they_are_named() -> None:
    safe = 'file = "flags.json"\nsafe = { human = true, auto = false }'
    flags = playbook(check=f"[flags]\n{safe}").flags
    assert flags
    assert (flags.switches, flags.variable) == (("human", "auto"), "FLAGS_FILE")
    named = playbook(check=f'[flags]\n{safe}\nkill_switches = ["auto"]').flags
    assert named
    assert named.switches == ("auto",)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ('file = "../flags.json"\nsafe = {}', r"flags\.file: .*inside the repository"),
        ('file = "f"\nsafe = { a = "on" }', r"flags\.safe\.a: "),
        ('file = "f"\nsafe = { "" = true }', r"flags\.safe\."),
        (
            'file = "f"\nsafe = { a = true }\nkill_switches = ["b"]',
            r"kill_switches names 'b', which has no state in safe",
        ),
        ('file = "f"\nsafe = {}\nvariable = "flags file"', r"flags\.variable: "),
    ],
)
def test_a_mistake_in_the_flags_of_a_product_is_named(flags: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        playbook(check=f"[flags]\n{flags}")
