package io.bianque.standalone.part;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.standalone.http.Http;
import io.bianque.standalone.stack.Command;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.Ports;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Elasticsearch. It refuses to run as root, so under root it gets a system user of its own. */
public final class Search {

  public static final String NAME = "search";
  static final String USER = "bianque-search";
  private static final ObjectMapper JSON = new ObjectMapper();

  private Search() {}

  public static Part part(Layout layout, Ports ports, Part.SetUp setUp) {
    URI url = ports.http(ports.search());
    return new Part(
        NAME,
        Versions.of("search"),
        url,
        layout.log(NAME),
        Set.of(),
        Set.of(),
        Duration.ofSeconds(20),
        Part.Ends.NEVER,
        () -> prepare(layout, ports),
        () -> problem(url),
        setUp);
  }

  private static Command prepare(Layout layout, Ports ports) throws IOException {
    Path home = layout.server(NAME).resolve("home");
    Path folder = layout.of(NAME);
    Path config = folder.resolve("config");
    Files.createDirectories(config);
    Files.createDirectories(folder.resolve("tmp"));
    try (Stream<Path> shipped = Files.list(home.resolve("config"))) {
      for (Path file : shipped.filter(Files::isRegularFile).toList()) {
        Files.copy(file, config.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    Files.writeString(
        config.resolve("elasticsearch.yml"),
        """
        cluster.name: bianque
        node.name: search
        discovery.type: single-node
        network.host: 127.0.0.1
        http.port: %d
        transport.port: %d
        path.data: %s
        path.logs: %s
        xpack.security.enabled: false
        # Nobody watches the disk of a single machine's stack for Elasticsearch alone; at 85 %% it would refuse to place shards.
        cluster.routing.allocation.disk.threshold_enabled: false
        """
            .formatted(
                ports.search(),
                ports.searchTransport(),
                folder.resolve("data"),
                folder.resolve("logs")));
    List<String> line = new ArrayList<>();
    if (isRoot()) {
      makeUser();
      run("chown", "-R", USER + ":" + USER, folder.toString());
      line.addAll(List.of("setpriv", "--reuid=" + USER, "--regid=" + USER, "--clear-groups"));
      if (!reachable(home)
          || !reachable(folder)
          || !reachable(Path.of(System.getProperty("java.home")))) {
        // A checkout below /root, or made with umask 077: the right to read and to pass, and no
        // other. access(2), by which Java looks whether it may open a jar, answers by capabilities
        // for a user that is not root only under no_setuid_fixup.
        line.addAll(
            List.of(
                "--securebits=+no_setuid_fixup",
                "--inh-caps=+dac_read_search",
                "--ambient-caps=+dac_read_search"));
      }
      // Changing the user clears the parent-death signal, so it is set again after it.
      line.addAll(List.of("--pdeathsig", "KILL", "--"));
    }
    line.addAll(List.of("bash", home.resolve("bin/elasticsearch").toString()));
    return new Command(
        line,
        Map.of(
            "ES_JAVA_HOME", System.getProperty("java.home"),
            "ES_PATH_CONF", config.toString(),
            "ES_TMPDIR", folder.resolve("tmp").toString(),
            "HOME", folder.toString(),
            "ES_JAVA_OPTS",
                "-Xms256m -Xmx256m -XX:-AlwaysPreTouch -XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
            "CLI_JAVA_OPTS",
                "-Xms8m -Xmx32m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.io.tmpdir="
                    + folder.resolve("tmp")),
        folder);
  }

  private static Optional<String> problem(URI url) {
    try {
      Http.Answer answer =
          Http.request("GET", url.resolve("/_cluster/health"), Map.of()).orFail("_cluster/health");
      String status = JSON.readTree(answer.body()).path("status").asText();
      return status.equals("red") ? Optional.of("cluster health is red") : Optional.empty();
    } catch (IOException none) {
      return Optional.of("no good answer from " + url + ": " + none.getMessage());
    }
  }

  private static boolean isRoot() throws IOException {
    return ((Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid")) == 0;
  }

  /** Whether a user without rights gets to {@code path} and may read there. */
  private static boolean reachable(Path path) throws IOException {
    for (Path at = path.toRealPath(); at != null; at = at.getParent()) {
      if (!Files.getPosixFilePermissions(at).contains(PosixFilePermission.OTHERS_EXECUTE)) {
        return false;
      }
    }
    return Files.getPosixFilePermissions(path).contains(PosixFilePermission.OTHERS_READ);
  }

  private static void makeUser() throws IOException {
    boolean exists;
    try (Stream<String> users = Files.lines(Path.of("/etc/passwd"))) {
      exists = users.anyMatch(line -> line.startsWith(USER + ":"));
    }
    if (!exists) {
      run(
          "useradd",
          "--system",
          "--user-group",
          "--no-create-home",
          "--home-dir",
          "/nonexistent",
          "--shell",
          "/usr/sbin/nologin",
          USER);
    }
  }

  private static void run(String... line) throws IOException {
    Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
    String output =
        new String(
            process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    try {
      if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new IOException(String.join(" ", line) + " failed: " + output.strip());
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted in " + String.join(" ", line), interrupted);
    }
  }
}
