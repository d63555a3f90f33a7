package io.bianque.tests.qemu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A kernel as a Debian release ships it: the generic flavour, since the cloud flavour lacks modules
 * that triggers need.
 */
public enum DebianKernel {
  BULLSEYE("bullseye", "5.10", Cgroups.V1),
  BOOKWORM("bookworm", "6.1", Cgroups.V2),
  /** Debian builds it without the first version's memory controller. */
  TRIXIE("trixie", "6.12", Cgroups.V2);

  /** Where a guest mounts the controllers; the other version's hierarchy is there without them. */
  enum Cgroups {
    V1,
    V2
  }

  private static final Duration FETCH = Duration.ofMinutes(5);
  private static final String META_PACKAGE = "linux-image-amd64";
  private static final Pattern DEPENDENCY = Pattern.compile("Depends: (linux-image-\\S+)");
  private static final Pattern SHA256 = Pattern.compile("(?m)^SHA256: ([0-9a-f]{64})$");

  private final String suite;
  private final String series;
  private final Cgroups cgroups;

  DebianKernel(String suite, String series, Cgroups cgroups) {
    this.suite = suite;
    this.series = series;
    this.cgroups = cgroups;
  }

  /** Major and minor version, as in "6.1". */
  public String series() {
    return series;
  }

  Cgroups cgroups() {
    return cgroups;
  }

  /**
   * The kernel's unpacked files below {@code folder}, which the caller owns. The package is kept in
   * BIANQUE_KERNELS (the data folder's {@code kernels} by default), with the checksum of apt's
   * signed index beside it, and downloaded again only if it does not match.
   */
  KernelFiles unpack(Path folder) {
    Path deb = cached();
    Path root = folder.resolve("kernel");
    try {
      Files.createDirectories(root);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Tool.run(
        Duration.ofMinutes(2), folder, List.of("dpkg-deb", "-x", deb.toString(), root.toString()));
    return KernelFiles.of(root);
  }

  private Path cached() {
    String configured = System.getenv("BIANQUE_KERNELS");
    Path cache =
        (configured == null ? Path.of("../data/kernels") : Path.of(configured))
            .toAbsolutePath()
            .normalize()
            .resolve(suite);
    try {
      Files.createDirectories(cache);
      try (FileChannel channel =
          FileChannel.open(
              cache.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
        // Held until the channel is closed.
        channel.lock();
        Path deb = cache.resolve("linux-image.deb");
        Path checksum = cache.resolve("linux-image.deb.sha256");
        if (!Files.exists(deb)
            || !Files.exists(checksum)
            || !Files.readString(checksum).strip().equals(sha256(deb))) {
          download(cache, deb, checksum);
        }
        return deb;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("the cache " + cache + " cannot be used", e);
    }
  }

  /**
   * apt checks the package against the suite's signed index; the sum is kept for the runs to come.
   */
  private void download(Path cache, Path deb, Path checksum) throws IOException {
    Path apt = Files.createDirectories(cache.resolve("apt"));
    Files.createDirectories(apt.resolve("lists/partial"));
    Files.createDirectories(apt.resolve("archives/partial"));
    Path sources =
        Files.writeString(
            apt.resolve("sources.list"),
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
                + mirror(cache)
                + " "
                + suite
                + " main\n");
    List<String> options =
        List.of(
            "-oDir::Etc::sourcelist=" + sources,
            "-oDir::Etc::sourceparts=/dev/null",
            "-oDir::State::Lists=" + apt.resolve("lists"),
            "-oDir::Cache=" + apt,
            "-oAPT::Sandbox::User=root",
            "-oAcquire::Retries=3",
            "-oAcquire::Languages=none");
    Tool.run(FETCH, apt, join(List.of("apt-get", "-q"), options, List.of("update")));
    // The meta-package of a suite names its newest kernel; the machine's own package state plays no
    // part in it.
    Matcher newest =
        DEPENDENCY.matcher(
            Tool.run(
                FETCH, apt, join(List.of("apt-cache"), options, List.of("depends", META_PACKAGE))));
    if (!newest.find() || !newest.group(1).startsWith("linux-image-" + series + ".")) {
      throw new IllegalStateException(
          META_PACKAGE + " of " + suite + " is no kernel " + series + " any more");
    }
    String record =
        Tool.run(
            FETCH,
            apt,
            join(
                List.of("apt-cache"),
                options,
                List.of("show", "--no-all-versions", newest.group(1))));
    Matcher sum = SHA256.matcher(record);
    if (!sum.find()) {
      throw new IllegalStateException(
          "the index of " + suite + " has no SHA256 for " + newest.group(1));
    }
    Tool.run(
        FETCH, apt, join(List.of("apt-get", "-q"), options, List.of("download", newest.group(1))));
    try (Stream<Path> files = Files.list(apt)) {
      Path fetched =
          files
              .filter(file -> file.getFileName().toString().endsWith(".deb"))
              .findFirst()
              .orElseThrow();
      Files.move(fetched, deb, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }
    if (!sum.group(1).equals(sha256(deb))) {
      throw new IllegalStateException(
          deb + " is not what the index of " + suite + " says: " + sum.group(1));
    }
    Files.writeString(checksum, sum.group(1) + "\n");
    Tool.run(FETCH, cache, List.of("rm", "-r", apt.toString()));
  }

  /** The mirror this machine is configured for, else Debian's own. */
  private static String mirror(Path folder) {
    return Tool.run(FETCH, folder, List.of("apt-get", "indextargets", "--format", "$(SITE)"))
        .lines()
        .filter(site -> site.endsWith("/debian"))
        .findFirst()
        .orElse("http://deb.debian.org/debian");
  }

  private static List<String> join(
      List<String> program, List<String> options, List<String> arguments) {
    List<String> command = new ArrayList<>(program);
    command.addAll(options);
    command.addAll(arguments);
    return command;
  }

  private static String sha256(Path file) throws IOException {
    try (FileChannel in = FileChannel.open(file)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(in.map(FileChannel.MapMode.READ_ONLY, 0, in.size()));
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
