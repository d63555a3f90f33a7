package io.bianque.agent.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A disk whose requests are real: a loop device over a file, in a file system of its own that can
 * be frozen, so that writes hang for as long as one likes. It goes when it is closed, when the JVM
 * ends, and, should it have been killed, when the next one is made.
 */
public final class LoopDisk implements AutoCloseable {
  /** Of the disk, in bytes. */
  public static final int BYTES = 16 << 20;

  private static final String PREFIX = "bqdisk-";
  private static final int FILE_SYSTEM_BYTES = 48 << 20;
  private static final int BLOCK = 4096;
  private static final OpenOption DIRECT = direct();
  private static final AtomicInteger COUNT = new AtomicInteger();

  private final Path folder;
  private final Path mount;
  private final Path file;
  private final Thread onExit = new Thread(this::remove, "disk-cleanup");
  private String device;

  /** What /proc/diskstats has of a disk. */
  public record Statistics(
      long reads,
      long readBytes,
      long writes,
      long writtenBytes,
      long discards,
      long discardedBytes,
      long flushes) {}

  /** Makes a disk of zeros, without an I/O scheduler. */
  public static LoopDisk open() throws IOException {
    removeLeftovers();
    LoopDisk disk = new LoopDisk();
    Runtime.getRuntime().addShutdownHook(disk.onExit);
    try {
      disk.create();
      return disk;
    } catch (IOException | RuntimeException e) {
      disk.close();
      throw e;
    }
  }

  private LoopDisk() {
    folder =
        Path.of(System.getProperty("java.io.tmpdir"))
            .toAbsolutePath()
            .resolve(PREFIX + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet());
    mount = folder.resolve("mount");
    file = mount.resolve("disk");
  }

  private void create() throws IOException {
    Files.createDirectories(mount);
    Path image = folder.resolve("image");
    allocate(image, FILE_SYSTEM_BYTES);
    Commands.run("", "mkfs.ext4", "-q", "-O", "^has_journal", image.toString());
    Commands.run("", "mount", "-o", "loop", image.toString(), mount.toString());
    allocate(file, BYTES);
    device = Commands.run("", "losetup", "--find", "--show", file.toString());
    schedule("none");
  }

  private static void allocate(Path file, int bytes) throws IOException {
    Files.write(file, new byte[bytes]);
  }

  /** Its node below /dev. */
  public Path device() {
    return Path.of(device);
  }

  /** As /proc/diskstats has it. */
  public String name() {
    return device().getFileName().toString();
  }

  /** Major and minor number. */
  public List<Integer> numbers() throws IOException {
    return List.of(Files.readString(queue().resolveSibling("dev")).strip().split(":", 2)).stream()
        .map(Integer::parseInt)
        .toList();
  }

  /** Gives it an I/O scheduler: {@code mq-deadline}. */
  public void schedule(String scheduler) throws IOException {
    Files.writeString(queue().resolve("scheduler"), scheduler);
  }

  private Path queue() {
    return Path.of("/sys/block", name(), "queue");
  }

  /** From now on writes hang. */
  public void freeze() {
    Commands.run("", "fsfreeze", "--freeze", mount.toString());
  }

  /** Lets them go on. */
  public void thaw() {
    Commands.run("", "fsfreeze", "--unfreeze", mount.toString());
  }

  /** Takes the end of the disk away: reads beyond fail. */
  public void truncate(int bytes) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(bytes);
    }
  }

  /** Writes zeros past the page cache, one request if they are not too many. */
  public void write(long position, int bytes) throws IOException {
    try (FileChannel channel = direct(StandardOpenOption.WRITE)) {
      channel.write(buffer(bytes), position);
    }
  }

  /** The same, and has the disk flush them. */
  public void writeAndFlush(long position, int bytes) throws IOException {
    try (FileChannel channel = direct(StandardOpenOption.WRITE, StandardOpenOption.DSYNC)) {
      channel.write(buffer(bytes), position);
    }
  }

  /** Writes zeros into the page cache, and has the kernel write them and flush the disk. */
  public void writeBuffered(long position, int bytes) throws IOException {
    try (FileChannel channel = FileChannel.open(device(), StandardOpenOption.WRITE)) {
      channel.write(buffer(bytes), position);
      channel.force(true);
    }
  }

  /** Reads past the page cache. */
  public void read(long position, int bytes) throws IOException {
    try (FileChannel channel = direct(StandardOpenOption.READ)) {
      channel.read(buffer(bytes), position);
    }
  }

  /** {@code blkdiscard}, with more arguments. */
  public void discard(String... arguments) {
    String[] command = new String[arguments.length + 2];
    command[0] = "blkdiscard";
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    command[command.length - 1] = device;
    Commands.run("", command);
  }

  /** Writes by {@code dd} in a cgroup: 10 requests of 64 KiB. */
  public void writeInCgroup(Path cgroup) {
    String script =
        "echo $$ >\"$0/cgroup.procs\" && exec dd if=/dev/zero of=\"$1\" bs=64k count=10 oflag=direct";
    Commands.run("", "sh", "-c", script, cgroup.toString(), device);
  }

  private FileChannel direct(StandardOpenOption... options) throws IOException {
    OpenOption[] all = new OpenOption[options.length + 1];
    System.arraycopy(options, 0, all, 0, options.length);
    all[options.length] = DIRECT;
    return FileChannel.open(device(), all);
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocateDirect(bytes + BLOCK).alignedSlice(BLOCK).limit(bytes);
  }

  /** By its name: to a compiler that is not to warn it does not exist. */
  private static OpenOption direct() {
    try {
      return Arrays.stream(Class.forName("com.sun.nio.file.ExtendedOpenOption").getEnumConstants())
          .filter(option -> option.toString().equals("DIRECT"))
          .map(OpenOption.class::cast)
          .findFirst()
          .orElseThrow();
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException("this JDK has no direct I/O", e);
    }
  }

  /** What the kernel counted of it until now, and of other loop devices of its name before it. */
  public Statistics statistics() throws IOException {
    return statisticsOfAll().get(name());
  }

  /** The same of all disks, by name. */
  public static Map<String, Statistics> statisticsOfAll() throws IOException {
    Map<String, Statistics> all = new HashMap<>();
    for (String line : Files.readAllLines(Path.of("/proc/diskstats"))) {
      List<String> words = List.of(line.strip().split("\\s+", -1));
      long[] n = words.stream().skip(3).mapToLong(Long::parseLong).toArray();
      all.put(
          words.get(2),
          new Statistics(n[0], n[2] * 512, n[4], n[6] * 512, n[11], n[13] * 512, n[15]));
    }
    return all;
  }

  /** Requests that it has got and not done. */
  public int inFlight() throws IOException {
    String[] counts =
        Files.readString(queue().resolveSibling("inflight")).strip().split("\\s+", -1);
    return Integer.parseInt(counts[0]) + Integer.parseInt(counts[1]);
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(onExit);
    } catch (IllegalStateException ending) {
      return; // the hook runs
    }
    remove();
  }

  private void remove() {
    remove(folder);
  }

  private static void remove(Path folder) {
    Path mount = folder.resolve("mount");
    attempt("fsfreeze", "--unfreeze", mount.toString());
    for (String line :
        Commands.run("", "losetup", "-l", "-n", "-O", "NAME,BACK-FILE").lines().toList()) {
      if (line.contains(mount + "/")) {
        attempt("losetup", "--detach", line.split("\\s+", 2)[0]);
      }
    }
    attempt("umount", mount.toString());
    attempt("rm", "-r", "--one-file-system", folder.toString());
  }

  /** What is not there need not be removed. */
  private static void attempt(String... command) {
    try {
      Commands.run("", command);
    } catch (IllegalStateException ignored) {
      // as said
    }
  }

  private static void removeLeftovers() {
    try (var folders = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      for (Path folder : folders.toList()) {
        String name = folder.getFileName().toString();
        if (name.startsWith(PREFIX)
            && ProcessHandle.of(Long.parseLong(name.split("-", -1)[1])).isEmpty()) {
          remove(folder.toAbsolutePath());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
