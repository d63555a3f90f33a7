package io.bianque.agent.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Two network namespaces joined by a veth pair, with IPv4 and IPv6 addresses of the ranges for
 * documentation. Their names are this process's own; they go when it is closed, when the JVM ends,
 * and, should it have been killed, when the next pair is made.
 */
public final class NetnsPair implements AutoCloseable {
  private static final String PREFIX = "bqtest-";
  private static final Path NAMESPACES = Path.of("/run/netns");
  private static final AtomicInteger COUNT = new AtomicInteger();

  /** One end of the pair. */
  public enum Side {
    LEFT("192.0.2.1", "2001:db8::1", "02:00:00:00:00:01"),
    RIGHT("192.0.2.2", "2001:db8::2", "02:00:00:00:00:02");

    private final String ipv4;
    private final String ipv6;
    private final String mac;

    Side(String ipv4, String ipv6, String mac) {
      this.ipv4 = ipv4;
      this.ipv6 = ipv6;
      this.mac = mac;
    }

    private Side other() {
      return this == LEFT ? RIGHT : LEFT;
    }

    /** Its IPv4 address. */
    public String ipv4() {
      return ipv4;
    }

    /** Its IPv6 address. */
    public String ipv6() {
      return ipv6;
    }

    /** Its end of the veth pair. */
    public String device() {
      return this == LEFT ? "veth-left" : "veth-right";
    }
  }

  private final String name;
  private final Thread onExit = new Thread(this::delete, "netns-cleanup");

  /** Why this machine cannot have such a pair; empty when it can. */
  public static java.util.Optional<String> unavailable() {
    try {
      removeLeftovers();
      Commands.run("", "ip", "netns", "list");
      Commands.run("", "nft", "--version");
      String probe = PREFIX + ProcessHandle.current().pid() + "-probe";
      Commands.run("", "ip", "netns", "add", probe);
      Commands.run("", "ip", "netns", "delete", probe);
      return java.util.Optional.empty();
    } catch (IllegalStateException e) {
      return java.util.Optional.of("no network namespaces: " + e.getMessage());
    }
  }

  /** Makes a pair, all addresses usable at once. */
  public static NetnsPair open() {
    removeLeftovers();
    NetnsPair pair = new NetnsPair();
    Runtime.getRuntime().addShutdownHook(pair.onExit);
    try {
      pair.create();
      return pair;
    } catch (RuntimeException e) {
      pair.close();
      throw e;
    }
  }

  private NetnsPair() {
    name = PREFIX + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet();
  }

  private void create() {
    String left = namespace(Side.LEFT);
    Commands.run("", "ip", "netns", "add", left);
    Commands.run("", "ip", "netns", "add", namespace(Side.RIGHT));
    Commands.run(
        "",
        "ip",
        "-n",
        left,
        "link",
        "add",
        Side.LEFT.device(),
        "address",
        Side.LEFT.mac,
        "type",
        "veth",
        "peer",
        "name",
        Side.RIGHT.device(),
        "address",
        Side.RIGHT.mac,
        "netns",
        namespace(Side.RIGHT));
    for (Side side : Side.values()) {
      ip(side, "addr", "add", side.ipv4() + "/30", "dev", side.device());
      ip(side, "-6", "addr", "add", side.ipv6() + "/64", "dev", side.device(), "nodad");
      ip(side, "link", "set", "lo", "up");
      ip(side, "link", "set", side.device(), "up");
    }
    for (Side side : Side.values()) {
      awaitUsable(side);
      meet(side, side.other().ipv4());
      meet(side, side.other().ipv6());
    }
  }

  /**
   * Carrier and addresses come up in the kernel's own time, by its workqueues: a packet sent before
   * is dropped, and what asks for a neighbour asks again a second later.
   */
  private void awaitUsable(Side side) {
    long deadline = System.nanoTime() + 30_000_000_000L;
    while (!ip(side, "link", "show", "dev", side.device()).contains("state UP")
        || !ip(side, "-6", "addr", "show", "dev", side.device(), "scope", "global", "tentative")
            .isBlank()) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException(side.device() + " of " + namespace(side) + " is not up");
      }
      LockSupport.parkNanos(2_000_000);
    }
  }

  /** Nobody has to be asked where the other end is: a question that is lost costs a second. */
  private void meet(Side side, String address) {
    String mac = side.other().mac;
    ip(side, "neigh", "replace", address, "lladdr", mac, "dev", side.device(), "nud", "permanent");
  }

  /** Name of a side's namespace, as {@code ip netns} has it. */
  public String namespace(Side side) {
    return name + "-" + side.name().toLowerCase(java.util.Locale.ROOT);
  }

  /** Inode of a side's namespace, as the kernel's events have it. */
  public long inode(Side side) {
    try {
      return ((Number) Files.getAttribute(path(side), "unix:ino")).longValue();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs {@code ip} in a side's namespace. */
  public String ip(Side side, String... arguments) {
    String[] command = new String[arguments.length + 3];
    command[0] = "ip";
    command[1] = "-n";
    command[2] = namespace(side);
    System.arraycopy(arguments, 0, command, 3, arguments.length);
    return Commands.run("", command);
  }

  /** Whether {@code ip} does it in a side's namespace. */
  public boolean can(Side side, String... arguments) {
    try {
      ip(side, arguments);
      return true;
    } catch (IllegalStateException refused) {
      return false;
    }
  }

  /**
   * Adds a chain with one rule in a side's namespace, replacing what was added so before.
   *
   * @param hook input, output, prerouting ...
   * @param rule {@code udp dport 9 drop}
   */
  public void nft(Side side, String hook, String rule) {
    load(side, "inet", "type filter hook " + hook, rule);
  }

  /** The same where packets come in, before fragments are put together. */
  public void nftAtIngress(Side side, String rule) {
    load(side, "netdev", "type filter hook ingress device " + side.device(), rule);
  }

  /** Sets a sysctl of a side's namespace. */
  public void sysctl(Side side, String name, String value) {
    Commands.run("", "ip", "netns", "exec", namespace(side), "sysctl", "-qw", name + "=" + value);
  }

  private void load(Side side, String family, String chain, String rule) {
    Commands.run(
        """
        table %1$s bianque
        delete table %1$s bianque
        table %1$s bianque {
          chain test {
            %2$s priority 0; policy accept;
            %3$s
          }
        }
        """
            .formatted(family, chain, rule),
        "ip",
        "netns",
        "exec",
        namespace(side),
        "nft",
        "-f",
        "-");
  }

  /** Starts a program that is in a side's namespace then; to be ended by whoever started it. */
  public Process start(Side side, String... command) throws IOException {
    List<String> all = new ArrayList<>(List.of("ip", "netns", "exec", namespace(side)));
    all.addAll(List.of(command));
    Process process = new ProcessBuilder(all).inheritIO().start();
    String inside = "net:[" + inode(side) + "]";
    Path namespace = Path.of("/proc/" + process.pid() + "/ns/net");
    while (process.isAlive() && !Files.readSymbolicLink(namespace).toString().equals(inside)) {
      LockSupport.parkNanos(1_000_000);
    }
    return process;
  }

  /**
   * Runs something on a thread whose network is a side's namespace: sockets made in it stay there.
   *
   * @param threadName what the kernel's events have as the task's name, at most 15 bytes
   */
  public <T> T in(Side side, String threadName, Callable<T> action) throws Exception {
    FutureTask<T> task =
        new FutureTask<>(() -> {
          NativeThread.enter(path(side));
          return action.call();
        });
    Thread.ofPlatform().name(threadName).daemon(true).start(task);
    try {
      return task.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Exception cause) {
        throw cause;
      }
      throw e;
    }
  }

  @Override
  public void close() {
    delete();
    try {
      Runtime.getRuntime().removeShutdownHook(onExit);
    } catch (IllegalStateException alreadyEnding) {
      // Then the hook runs too, and finds nothing left.
    }
  }

  private Path path(Side side) {
    return NAMESPACES.resolve(namespace(side));
  }

  private void delete() {
    for (Side side : Side.values()) {
      if (Files.exists(path(side))) {
        Commands.run("", "ip", "netns", "delete", namespace(side));
      }
    }
  }

  /** Namespaces of processes that are no more. */
  private static void removeLeftovers() {
    for (String line : Commands.run("", "ip", "netns", "list").lines().toList()) {
      String namespace = line.split(" ", 2)[0];
      if (namespace.startsWith(PREFIX)) {
        long pid = Long.parseLong(namespace.split("-", 3)[1]);
        if (ProcessHandle.of(pid).isEmpty()) {
          Commands.run("", "ip", "netns", "delete", namespace);
        }
      }
    }
  }
}
