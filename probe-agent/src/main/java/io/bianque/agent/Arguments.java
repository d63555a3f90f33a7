package io.bianque.agent;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * What the command line asks for.
 *
 * <p>Parsed by hand: the dozen words do not pay for the resident memory that a library's reflection
 * leaves behind in a process that runs for months.
 *
 * @param config the configuration file; empty for defaults and environment only
 * @param file to record to or play from
 * @param duration how long to record; empty until stopped
 * @param rate events per second to play; 0 for as fast as the broker takes them
 * @param shiftToNow whether what is played is given the present time
 * @param json whether the doctor answers in JSON
 */
record Arguments(
    Mode mode,
    Optional<Path> config,
    Path file,
    Optional<Duration> duration,
    double rate,
    boolean shiftToNow,
    boolean json) {

  static final String HELP =
      """
      Usage: bianque-agent [--config FILE]
             bianque-agent --dry-run [--config FILE]
             bianque-agent --record FILE [--duration SECONDS] [--config FILE]
             bianque-agent --play FILE [--rate N] [--shift-to-now] [--config FILE]
             bianque-agent --detach [--config FILE]
             bianque-agent doctor [--output json] [--config FILE]

      Watches this host's kernel with eBPF probes and publishes what they see to Kafka.

        --config FILE       configuration; without it, defaults and BIANQUE_AGENT_... variables
        --dry-run           says what would be attached, and attaches nothing
        --record FILE       writes what would be published to a file, and needs no broker
        --duration SECONDS  ends the recording after that long; without it, at Ctrl-C
        --play FILE         publishes a recording, and needs no rights
        --rate N            events a second to play, 100 if not given; 0 for as fast as possible
        --shift-to-now      gives what is played the present time, and lives of their own
        --detach            takes the probes out of the kernel that stay there while no agent runs
        doctor              tries every hook of every probe on this kernel
        --output json       the doctor's findings as JSON
        --version           the version
        --help              this text

      Examples:
        bianque-agent --config /etc/bianque/agent.yaml
        BIANQUE_AGENT_KAFKA__BOOTSTRAP_SERVERS=broker:9092 bianque-agent
        bianque-agent --record drops.avro --duration 60
        bianque-agent --play drops.avro --rate 1000 --shift-to-now
        bianque-agent --detach --config /etc/bianque/agent.yaml
        bianque-agent doctor --output json

      Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration, 3 no Java 25,
      130 and 143 stopped by Ctrl-C and SIGTERM.
      """;

  private static final double DEFAULT_RATE = 100;

  /** What to do. */
  enum Mode {
    RUN,
    DRY_RUN,
    RECORD,
    PLAY,
    DETACH,
    DOCTOR,
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

  static Arguments parse(String... args) {
    return new Parser(args).parse();
  }

  private static final class Parser {
    private final String[] args;
    private int at;
    private Mode mode = Mode.RUN;
    private Optional<Path> config = Optional.empty();
    private Path file;
    private Optional<Duration> duration = Optional.empty();
    private Optional<Double> rate = Optional.empty();
    private boolean shiftToNow;
    private boolean json;

    Parser(String[] args) {
      this.args = args;
    }

    Arguments parse() {
      for (; at < args.length; at++) {
        take(args[at]);
      }
      require(duration.isEmpty(), Mode.RECORD, "--duration");
      require(rate.isEmpty(), Mode.PLAY, "--rate");
      require(!shiftToNow, Mode.PLAY, "--shift-to-now");
      require(!json, Mode.DOCTOR, "--output");
      return new Arguments(
          mode, config, file, duration, rate.orElse(DEFAULT_RATE), shiftToNow, json);
    }

    private void take(String word) {
      switch (word) {
        case "--help", "-h" -> mode(Mode.HELP);
        case "--version" -> mode(Mode.VERSION);
        case "--dry-run" -> mode(Mode.DRY_RUN);
        case "--detach" -> mode(Mode.DETACH);
        case "doctor" -> mode(Mode.DOCTOR);
        case "--config" -> config = Optional.of(Path.of(value()));
        case "--record" -> {
          mode(Mode.RECORD);
          file = Path.of(value());
        }
        case "--play" -> {
          mode(Mode.PLAY);
          file = Path.of(value());
        }
        case "--duration" -> duration = Optional.of(Duration.ofMillis((long) (number() * 1000)));
        case "--rate" -> rate = Optional.of(number());
        case "--shift-to-now" -> shiftToNow = true;
        case "--output" -> {
          if (!value().equals("json")) {
            throw new Invalid("--output " + args[at] + ": only json is known");
          }
          json = true;
        }
        default -> throw new Invalid("unknown argument " + word);
      }
    }

    private void mode(Mode asked) {
      boolean about = asked == Mode.HELP || asked == Mode.VERSION;
      if (mode == Mode.HELP || mode == Mode.VERSION) {
        return;
      }
      if (mode != Mode.RUN && !about) {
        throw new Invalid(args[at] + " cannot go together with what stands before it");
      }
      mode = asked;
    }

    private void require(boolean notGiven, Mode only, String option) {
      if (!notGiven && mode != only && mode != Mode.HELP) {
        throw new Invalid(option + " goes with another command: see the usage");
      }
    }

    private String value() {
      if (++at == args.length) {
        throw new Invalid(args[at - 1] + " needs a value");
      }
      return args[at];
    }

    private double number() {
      String option = args[at];
      String text = value();
      try {
        double number = Double.parseDouble(text);
        if (number >= 0 && number <= 1e9) {
          return number;
        }
      } catch (NumberFormatException notANumber) {
        // said below
      }
      throw new Invalid(option + " " + text + ": a number of 0 or more is needed");
    }
  }
}
