"""Translation of the library's messages for users of the command line.

The messages name Python calls and arguments; they are replaced by commands and options.
"""

import re

_WORDS = (
    # Calls
    (r"mr\.list_models\(\)", "'hopsartifacts models list'"),
    (r"mr\.get_alias_history\(\)", "'hopsartifacts aliases history'"),
    (
        r"see project\.verify\(\) and project\.repair\(\)",
        "run 'hopsartifacts verify' and 'hopsartifacts repair'",
    ),
    (r"(?<=: )see project\.verify\(\)", "run 'hopsartifacts verify'"),
    (r", or project\.doctor\(\)", ""),
    (r"project\.(verify|repair|doctor)\(\)", r"'hopsartifacts \1'"),
    (
        r"with restart\(\), or stop it, first",
        "with 'hopsartifacts deployments stop' and 'start', or stop it, first",
    ),
    (r"delete\(force=True\)", "--force"),
    (
        r"one of its get_versions\(\)",
        "a number that 'hopsartifacts deployments versions' lists",
    ),
    (
        r"get it with ms\.get_deployment\([^)]*\)",
        "run the command again for the new one",
    ),
    (
        r"with rollback\((\d+)\)",
        r"to version \1 with 'hopsartifacts deployments rollback'",
    ),
    (r"with record_golden\(\)", "with 'hopsartifacts deployments record-golden'"),
    (
        r"get_logs\(\"(\w+)\"\) prints where",
        r"'hopsartifacts deployments logs --component \1' prints where",
    ),
    (
        r"which predict\(\) does not support",
        "which 'hopsartifacts deployments predict' does not support",
    ),
    (
        r"login\(…, unsafe_single_writer=True\), --unsafe-single-writer",
        "--unsafe-single-writer",
    ),
    (
        r"with KafkaTopic\(…, servers=(?:\"host:port\"|…)\)",
        "with --kafka-servers HOST:PORT",
    ),
    # Arguments
    (r"takes no storage_options", "takes no --storage-option"),
    (r"give it as storage_options", "give it with --storage-option"),
    (
        r"give key and secret as storage_options",
        "give --storage-option key=KEY and --storage-option secret=SECRET",
    ),
    (r"use overwrite=True", "use --overwrite"),
    (r"or overwrite=True", "or --overwrite"),
    (r"with ignore_environment=True", "with --ignore-environment"),
    (
        r"with resources=\{\"limits\": \{\"memory\": …\}\} \(-1 is no limit\) and save",
        "with 'hopsartifacts deployments update --limit memory=MB' (-1 is no limit)",
    ),
    (r"(?:as|in) files=", "with --file"),
    (r"(?<=or set )(\w+) in env_vars", r"\1 with --env"),
    (r"env_vars: ", "--env: "),
    # A plain setting, of which the option has the same name
    (
        r"^[a-z]+(?:_[a-z]+)*(?= \S.* is not possible: expected )",
        lambda name: f"--{name[0].replace('_', '-')}",
    ),
    (r"leave out artifact_version", "leave out --artifact-version"),
    (
        r"artifact_version (?=\S+(?:: use a number| is version 0))",
        "--artifact-version ",
    ),
    (r"leave out strict_numbers", "leave out --strict-numbers"),
    (r"give script_file or config_file", "give --script or --config"),
    (r"give script_file", "give --script"),
    (r"leave script_file out", "leave --script out"),
    (r"use serving_tool='(\w+)'", r"use --serving-tool \1"),
    (r"num_instances is ", "--instances is "),
    (r"inference batcher max_batch_size", "--batch-size"),
    (r"inference batcher max_latency", "--batch-latency"),
    (r"inference batcher timeout", "--batch-timeout"),
    (r"grace_s=", "--grace "),
    (r"\binput_example is ", "--input-example is "),
    (
        r"data\['instances'\] \(or 'inputs'\) has no row",
        "'instances' (or 'inputs') of --data has no row",
    ),
    (
        r"model_schema is a (\w+): give a ModelSchema",
        r"--schema contains a \1: give an object",
    ),
    (
        r"predict needs inputs=\[…\], or data=(\{.*?\}) \(or 'inputs'\); data is ",
        r"--data needs a list of rows, or \1 (or 'inputs'); it is ",
    ),
)
_COMPILED = tuple((re.compile(pattern), words) for pattern, words in _WORDS)


def in_commands(message: str) -> str:
    """Return *message* with Python calls and arguments replaced by commands."""
    for pattern, words in _COMPILED:
        message = pattern.sub(words, message)
    return message
