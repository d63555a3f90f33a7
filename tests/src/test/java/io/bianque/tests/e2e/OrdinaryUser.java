package io.bianque.tests.e2e;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.standalone.stack.OwnedProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A user without any right, made for a test, with a home that nobody else may enter. Gone with all
 * processes when closed.
 *
 * @param folder holds the home, and may be passed by the user
 */
record OrdinaryUser(String name, Path folder) implements AutoCloseable {
  private static final Duration SOON = Duration.ofMinutes(1);

  /** Makes one; skips the test, with the reason, where that cannot be done. */
  static OrdinaryUser make() throws IOException {
    assumeTrue(
        "root".equals(System.getProperty("user.name")), "needs root: it makes a user of its own");
    Path folder =
        Files.createTempDirectory(
            "bianque-user",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx--x--x")));
    OrdinaryUser user = new OrdinaryUser("bianque-e2e-" + ProcessHandle.current().pid(), folder);
    Shell made =
        Shell.run(
            Path.of("/"),
            Map.of(),
            SOON,
            "useradd --user-group --no-log-init --create-home --home-dir %s --shell /bin/bash %s && chmod 700 %s"
                .formatted(user.home(), user.name(), user.home()));
    if (made.exit() != 0) {
      user.close();
    }
    assumeTrue(made.exit() == 0, () -> "no user can be made here: " + made.errors().strip());
    return user;
  }

  Path home() {
    return folder.resolve("home");
  }

  /** Runs a command line, without single quotes in it, as this user and with this environment. */
  Shell run(Path in, Map<String, String> environment, Duration limit, String command) {
    return Shell.run(
        in,
        Map.of(),
        limit,
        "exec "
            + as(environment).stream()
                .map(word -> "'" + word + "'")
                .collect(Collectors.joining(" "))
            + " bash -c '"
            + command
            + "'");
  }

  /** The words before a command that make it this user's. The command keeps the process id. */
  List<String> as(Map<String, String> environment) {
    List<String> words =
        new ArrayList<>(
            List.of("setpriv", "--reuid=" + name, "--regid=" + name, "--clear-groups", "--"));
    words.addAll(
        List.of("env", "-i", "HOME=" + home(), "USER=" + name, "PATH=/usr/bin:/bin:/usr/sbin"));
    environment.forEach((variable, value) -> words.add(variable + "=" + value));
    return words;
  }

  /** Whether the process is this user's. */
  boolean owns(ProcessHandle process) {
    return process.info().user().filter(name::equals).isPresent();
  }

  /** What runs as this user now, without what has ended and init has not collected yet. */
  List<OwnedProcess> processes() {
    return ProcessHandle.allProcesses()
        .filter(this::owns)
        .flatMap(process -> OwnedProcess.of(process.pid()).stream())
        .filter(OwnedProcess::isAlive)
        .toList();
  }

  @Override
  public void close() {
    processes().forEach(OwnedProcess::kill);
    // JVMs leave a folder of their user's behind.
    Shell.run(
        Path.of("/"),
        Map.of(),
        SOON,
        "userdel --force %1$s; rm -rf '%2$s' '/tmp/hsperfdata_%1$s'".formatted(name, folder));
  }
}
