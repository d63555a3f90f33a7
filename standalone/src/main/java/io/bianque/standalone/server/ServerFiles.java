package io.bianque.standalone.server;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/**
 * Checks and unpacks what Maven put into the servers' folder.
 *
 * <p>{@code checksums.sha256} is in the format of sha256sum(1), with paths relative to that folder.
 * A file that differs, is missing, or is not listed stops the installation: what runs is exactly
 * what was reviewed.
 */
public final class ServerFiles {

  private static final String STAMP = ".verified";

  private final Path servers;
  private final Path checksums;

  public ServerFiles(Path servers, Path checksums) {
    this.servers = servers;
    this.checksums = checksums;
  }

  /** The files do not match; the message says which and what to do. */
  public static final class ChecksumMismatch extends RuntimeException {
    private static final long serialVersionUID = 1;

    ChecksumMismatch(String message) {
      super(message);
    }
  }

  /** True when the files of the committed checksums have been verified and unpacked. */
  public boolean isInstalled() throws IOException {
    Path stamp = servers.resolve(STAMP);
    return Files.exists(stamp) && Files.readString(stamp).equals(sha256(checksums));
  }

  /** Verifies and unpacks; does nothing when that was done before. */
  public void install() throws IOException, InterruptedException {
    if (isInstalled()) {
      return;
    }
    verify();
    for (Path archive : archives()) {
      unpack(archive);
    }
    Files.writeString(servers.resolve(STAMP), sha256(checksums));
  }

  /**
   * Writes the checksums of the files that are there now; for whoever changes a version and has
   * looked at what came.
   */
  public void pin() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (Map.Entry<String, String> file : delivered().entrySet()) {
      lines.append(file.getValue()).append("  ").append(file.getKey()).append('\n');
    }
    Files.writeString(checksums, lines);
  }

  private void verify() throws IOException {
    Map<String, String> expected = new TreeMap<>();
    for (String line : Files.readAllLines(checksums)) {
      String[] fields = line.split(" +", 2);
      expected.put(fields[1], fields[0]);
    }
    Map<String, String> found = delivered();
    List<String> problems = new ArrayList<>();
    expected.forEach((file, sum) -> {
      String actual = found.get(file);
      if (actual == null) {
        problems.add(file + " is missing");
      } else if (!actual.equals(sum)) {
        problems.add(file + " has sha256 " + actual + ", expected " + sum);
      }
    });
    found.keySet().stream()
        .filter(file -> !expected.containsKey(file))
        .forEach(file -> problems.add(file + " is not listed"));
    if (!problems.isEmpty()) {
      throw new ChecksumMismatch(
          "the downloaded servers in "
              + servers
              + " are not those of "
              + checksums
              + ":\n  "
              + String.join("\n  ", problems)
              + "\nDelete the file from the local Maven repository and run `./bianque build servers` again; if it differs"
              + " again, do not run it. After a deliberate change of version: `./bianque build servers --pin`.");
    }
  }

  /** Path below the servers' folder -> sha256, of each jar and archive. */
  private Map<String, String> delivered() throws IOException {
    Map<String, String> sums = new TreeMap<>();
    for (Path file : files("lib")) {
      sums.put(servers.relativize(file).toString(), sha256(file));
    }
    for (Path file : archives()) {
      sums.put(servers.relativize(file).toString(), sha256(file));
    }
    return sums;
  }

  private List<Path> archives() throws IOException {
    return files("archive");
  }

  private List<Path> files(String folder) throws IOException {
    if (!Files.isDirectory(servers)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(servers, 3)) {
      return all.filter(Files::isRegularFile)
          .filter(file -> file.getParent().getFileName().toString().equals(folder))
          .sorted()
          .toList();
    }
  }

  /**
   * Into {@code home} beside the archive's folder; the archive itself is dropped then, Maven's
   * repository keeps it.
   */
  private static void unpack(Path archive) throws IOException, InterruptedException {
    Path home = archive.getParent().resolveSibling("home");
    Files.createDirectories(home);
    if (archive.toString().endsWith(".zip")) {
      unzip(archive, home);
    } else {
      untar(archive, home);
    }
    Files.delete(archive);
    Files.delete(archive.getParent());
  }

  /** Without the archive's own top folder. */
  private static void unzip(Path archive, Path home) throws IOException {
    try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(archive))) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        Path target = home.resolve(entry.getName().replaceFirst("^[^/]+/", "")).normalize();
        if (!target.startsWith(home)) {
          throw new IOException(archive + " holds a path that leads out of it: " + entry.getName());
        }
        if (entry.isDirectory()) {
          Files.createDirectories(target);
        } else {
          Files.createDirectories(target.getParent());
          Files.copy(zip, target);
          // java.util.zip does not carry modes over.
          if (target.getParent().endsWith("bin") && !target.toFile().setExecutable(true, false)) {
            throw new IOException("cannot make " + target + " executable");
          }
        }
      }
    }
  }

  private static void untar(Path archive, Path home) throws IOException, InterruptedException {
    Process tar =
        new ProcessBuilder(
                "tar", "-xzf", archive.toString(), "-C", home.toString(), "--no-same-owner")
            .redirectErrorStream(true)
            .start();
    String output = new String(tar.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!tar.waitFor(5, TimeUnit.MINUTES) || tar.exitValue() != 0) {
      throw new IOException("tar cannot unpack " + archive + ": " + output.strip());
    }
  }

  private static String sha256(Path file) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
        in.transferTo(java.io.OutputStream.nullOutputStream());
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
