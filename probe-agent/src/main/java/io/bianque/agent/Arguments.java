package io.bianque.agent;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What the command line asks for.
 *
 * @param config the configuration file; empty for defaults and environment only
 */
record Arguments(Mode mode, Optional<Path> config) {

  static final String HELP =
      """
      Usage: bianque-agent [--config FILE]

      Watches this host's kernel with eBPF probes and publishes what they see to Kafka.

        --config FILE   configuration; without it, defaults and BIANQUE_AGENT_... variables
        --version       the version
        --help          this text

      Examples:
        bianque-agent --config /etc/bianque/agent.yaml
        BIANQUE_AGENT_KAFKA__BOOTSTRAP_SERVERS=broker:9092 bianque-agent

      Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration, 3 no Java 25,
      130 and 143 stopped by Ctrl-C and SIGTERM.
      """;

  /** What to do. */
  enum Mode {
    RUN,
    HELP,
    VERSION
  }

  /** The command line is not understood. */
  static final class Invalid extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Invalid(String message) {
      super(message);
    }
  }

  static Arguments parse(String[] args) {
    Mode mode = Mode.RUN;
    Optional<Path> config = Optional.empty();
    for (int i = 0; i < args.length; i++) {
      switch (args[i]) {
        case "--help", "-h" -> mode = Mode.HELP;
        case "--version" -> mode = Mode.VERSION;
        case "--config" -> {
          if (++i == args.length) {
            throw new Invalid("--config needs a file");
          }
          config = Optional.of(Path.of(args[i]));
        }
        default -> throw new Invalid("unknown argument " + args[i]);
      }
    }
    return new Arguments(mode, config);
  }
}
