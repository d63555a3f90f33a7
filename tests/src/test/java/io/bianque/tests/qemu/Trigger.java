package io.bianque.tests.qemu;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A script that makes a probe's events happen in a guest: {@code triggers/<probe>.sh}. Its comments
 * say what it needs, one thing a line:
 *
 * <pre>
 * # needs program ethtool
 * # needs module bonding
 * # needs native hog        (native/hog.c, compiled statically, to /bin/hog)
 * # limit 20 s
 * # last                    (after all that are not: it does lasting harm)
 * </pre>
 */
record Trigger(
    String probe,
    String script,
    List<String> programs,
    List<String> modules,
    List<String> natives,
    Duration limit,
    boolean last) {
  private static final Duration USUAL_LIMIT = Duration.ofSeconds(20);
  private static final Pattern NEEDS =
      Pattern.compile("(?m)^# needs (program|module|native) (.+)$");
  private static final Pattern LIMIT = Pattern.compile("(?m)^# limit (\\d+) s$");
  private static final Pattern LAST = Pattern.compile("(?m)^# last\\b");

  /** All there are, in the order to run them in. */
  static List<Trigger> all() {
    URL folder = Trigger.class.getResource("triggers");
    try (Stream<Path> scripts = Files.list(Path.of(folder.toURI()))) {
      return scripts
          .map(Trigger::read)
          .sorted(Comparator.comparing(Trigger::last).thenComparing(Trigger::probe))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Trigger read(Path file) {
    try {
      String script = Files.readString(file);
      String probe = file.getFileName().toString().replaceFirst("\\.sh$", "");
      return new Trigger(
          probe,
          script,
          needs(script, "program"),
          needs(script, "module"),
          needs(script, "native"),
          LIMIT
              .matcher(script)
              .results()
              .map(match -> Duration.ofSeconds(Long.parseLong(match.group(1))))
              .findFirst()
              .orElse(USUAL_LIMIT),
          LAST.matcher(script).find());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> needs(String script, String kind) {
    List<String> names = new ArrayList<>();
    NEEDS
        .matcher(script)
        .results()
        .filter(match -> match.group(1).equals(kind))
        .map((MatchResult match) -> match.group(2).strip().split("\\s+"))
        .forEach(words -> names.addAll(List.of(words)));
    return List.copyOf(names);
  }

  /** A text beside the triggers. */
  static String resource(String name) {
    try (InputStream in = Trigger.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalArgumentException("no resource " + name);
      }
      return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
