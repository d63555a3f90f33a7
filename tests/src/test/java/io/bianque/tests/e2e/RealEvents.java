package io.bianque.tests.e2e;

import static io.bianque.agent.testing.NetnsPair.Side.LEFT;
import static io.bianque.agent.testing.NetnsPair.Side.RIGHT;
import static java.util.Map.entry;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.abort;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.bianque.agent.testing.Busy;
import io.bianque.agent.testing.Cgroup;
import io.bianque.agent.testing.FrozenDisk;
import io.bianque.agent.testing.LoopDisk;
import io.bianque.agent.testing.MemoryCgroup;
import io.bianque.agent.testing.NetnsPair;
import io.bianque.agent.testing.Tap;
import io.bianque.agent.testing.TcpConnection;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.StreamSupport;

/**
 * Events that really happen on this machine, each a bounded number of times, in namespaces, cgroups
 * and on disks of their own. Those stay until this is closed: the agent looks some things up when
 * it reads an event, and counts every 10 s.
 */
final class RealEvents implements AutoCloseable {

  /** How an event of each stream happens. */
  static final Map<String, Event> OF_STREAM =
      Map.ofEntries(
          entry("dropwatch", RealEvents::datagramToAClosedPort),
          entry("hungtask", RealEvents::writerToAFrozenDisk),
          entry("iolatency", RealEvents::writeThatHangs),
          entry("iolatency_time", RealEvents::tenWrites),
          entry("irq_latency", RealEvents::readsFromTheDisk),
          entry("lacp", cannotHappen("no bond is made on a machine in use")),
          entry("memory_compact", RealEvents::compaction),
          entry("memory_compact_time", RealEvents::compactionCounted),
          entry("memory_reclaim", RealEvents::reclaim),
          entry("memory_reclaim_time", RealEvents::reclaimCounted),
          entry("net_rx_latency", RealEvents::segmentThatIsReadLate),
          entry("net_rx_latency_stages", RealEvents::segmentThatIsReadLateCounted),
          entry("netdev_events", RealEvents::newDevice),
          entry("netdev_hw", RealEvents::framesThatNobodyHandles),
          entry(
              "netdev_txqueue_timeout",
              cannotHappen("no card of this machine stands still when it is told to")),
          entry("oom", RealEvents::kill),
          entry("perf", RealEvents::samplesOnRequest),
          entry("psi", RealEvents::pressureOfACgroup),
          entry("psi_trigger", RealEvents::pressureOfTheHost),
          entry("ras", cannotHappen("no hardware of this machine fails when it is told to")),
          entry("runqlat", RealEvents::waitForACpu),
          entry("runqlat_latency", RealEvents::waitForACpuCounted),
          entry("sched_tick", RealEvents::lateTick),
          entry("softirq_latency", RealEvents::packetsThatAreSentLater),
          entry(
              "softlockup",
              cannotHappen("it stalls a CPU, and taints the kernel until the next boot")),
          entry("tcp_listen", RealEvents::fullAcceptQueueCounted),
          entry("tcp_reset", RealEvents::connectToAClosedPort),
          entry("tcp_retransmit", RealEvents::segmentThatIsLost));

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final Duration LATE = Duration.ofMillis(350);

  /** Slots of a histogram from this one on hold what takes 268 ms or longer. */
  private static final int SLOT_OF_LATE = 28;

  private static final int LAST_CPU = Runtime.getRuntime().availableProcessors() - 1;
  private static final long MIB = 1 << 20;

  private final StackUnderTest stack;
  private final Path folder;
  private final Deque<AutoCloseable> own = new ArrayDeque<>();

  /**
   * @param folder an empty one, on the machine's disk
   */
  RealEvents(StackUnderTest stack, Path folder) {
    this.stack = stack;
    this.folder = folder;
  }

  /** Makes an event happen. */
  interface Event {
    Expected happen(RealEvents events) throws Exception;
  }

  /**
   * The document that must come of an event.
   *
   * @param fields what it says, as Elasticsearch is asked for it
   * @param also what else it must be
   */
  record Expected(Map<String, Object> fields, Predicate<JsonNode> also) {
    Expected with(String field, Object value) {
      Map<String, Object> more = new LinkedHashMap<>(fields);
      more.put(field, value);
      return new Expected(more, also);
    }

    Expected and(Predicate<JsonNode> more) {
      return new Expected(fields, also.and(more));
    }

    /** With a field that is as large or larger. */
    Expected atLeast(String field, long value) {
      return and(document -> at(document, field).asLong() >= value);
    }

    /** With a kernel stack that has the function, or the part of it that the compiler made. */
    Expected through(String field, String function) {
      return and(document ->
          StreamSupport.stream(at(document, field).spliterator(), false)
              .anyMatch(frame -> frame.asText().matches(function + "(\\.\\w+)*\\+0x.*")));
    }

    /** For Elasticsearch; of events after that time only. */
    String query(Instant after) {
      ArrayNode filters = JSON.createArrayNode();
      filters.addObject().putObject("range").putObject("@timestamp").put("gte", after.toString());
      fields.forEach((field, value) -> filters.addObject().putObject("term").putPOJO(field, value));
      return JSON.valueToTree(Map.of("bool", Map.of("filter", filters))).toString();
    }
  }

  private static Expected document() {
    return new Expected(Map.of(), _ -> true);
  }

  private static JsonNode at(JsonNode document, String field) {
    return document.at("/" + field.replace('.', '/'));
  }

  private static Event cannotHappen(String why) {
    return _ -> abort(why + "; ./bianque test kernels shows it in a virtual machine");
  }

  private Expected datagramToAClosedPort() throws Exception {
    NetnsPair network = keep(NetnsPair.open());
    Trigger.datagram(network, RIGHT.ipv4(), 4401);
    return document()
        .with("bianque.dropwatch.netns", network.inode(RIGHT))
        .with("source.ip", LEFT.ipv4())
        .with("destination.ip", RIGHT.ipv4())
        .with("destination.port", 4401)
        .with("network.transport", "udp")
        .with("observer.ingress.interface.name", RIGHT.device())
        .with("bianque.dropwatch.drop_reason", "NO_SOCKET")
        .through("bianque.dropwatch.kernel_stack", "__udp4_lib_rcv");
  }

  private Expected connectToAClosedPort() throws Exception {
    NetnsPair network = keep(NetnsPair.open());
    Trigger.connect(network, RIGHT.ipv4(), 4402);
    return document()
        .with("bianque.tcp_reset.netns", network.inode(RIGHT))
        .with("bianque.tcp_reset.kind", "sent")
        .with("source.ip", RIGHT.ipv4())
        .with("source.port", 4402)
        .with("destination.ip", LEFT.ipv4())
        .with("bianque.tcp_reset.reason", "NO_SOCKET")
        .through("bianque.tcp_reset.kernel_stack", "tcp_v4_send_reset");
  }

  private Expected segmentThatIsLost() throws Exception {
    NetnsPair network = keep(NetnsPair.open());
    network.nft(RIGHT, "input", "tcp dport 4403 meta length > 140 drop");
    TcpConnection connection = keep(TcpConnection.open(network, RIGHT.ipv4(), 4403));
    connection.send(1, 100);
    return document()
        .with("bianque.tcp_retransmit.netns", network.inode(LEFT))
        .with("bianque.tcp_retransmit.kind", "segment")
        .with("bianque.tcp_retransmit.cause", "rto")
        .with("bianque.tcp_retransmit.sk_state", "ESTABLISHED")
        .with("source.ip", LEFT.ipv4())
        .with("source.port", connection.client().getLocalPort())
        .with("destination.ip", RIGHT.ipv4())
        .with("destination.port", 4403);
  }

  private Expected fullAcceptQueueCounted() throws Exception {
    NetnsPair network = keep(NetnsPair.open());
    // A namespace is read by a process that is in it.
    Process resident = keep(network.start(RIGHT, "sleep", "300"));
    keep(TcpConnection.listen(network, RIGHT.ipv4(), 4404, 1));
    for (int i = 0; i < 2; i++) {
      keep(TcpConnection.connected(network, RIGHT.ipv4(), 4404));
    }
    keep(TcpConnection.connecting(network, RIGHT.ipv4(), 4404));
    return document()
        .with("bianque.tcp_listen.netns", network.inode(RIGHT))
        .with("bianque.tcp_listen.pid", resident.pid())
        .with("bianque.tcp_listen.comm", "sleep")
        .atLeast("bianque.tcp_listen.listen_overflows", 1)
        .atLeast("bianque.tcp_listen.listen_drops", 1);
  }

  private Expected segmentThatIsReadLate() throws Exception {
    NetnsPair network = keep(NetnsPair.open());
    readLate(network, RIGHT.ipv4(), 4405);
    return document()
        .with("bianque.net_rx_latency.netns", network.inode(RIGHT))
        .with("bianque.net_rx_latency.stage", "user")
        .with("process.pid", ProcessHandle.current().pid())
        .with("process.name", "bq-reader")
        .with("source.ip", LEFT.ipv4())
        .with("destination.ip", RIGHT.ipv4())
        .with("destination.port", 4405)
        .with("network.transport", "tcp")
        .atLeast("bianque.net_rx_latency.latency_ns", LATE.toNanos());
  }

  /** The counts are the host's: one read that is as late is seldom, over IPv6 more so. */
  private Expected segmentThatIsReadLateCounted() throws Exception {
    Expected ofReads =
        document()
            .with("bianque.net_rx_latency_stages.stage", "user")
            .with("bianque.net_rx_latency_stages.network", "ipv6")
            .with("bianque.net_rx_latency_stages.transport", "tcp");
    long before =
        documents("net_rx_latency_stages", ofReads).stream()
            .mapToLong(RealEvents::late)
            .max()
            .orElse(0);
    readLate(keep(NetnsPair.open()), RIGHT.ipv6(), 4406);
    return ofReads.and(document -> late(document) > before);
  }

  private static long late(JsonNode document) {
    return StreamSupport.stream(
            document.at("/bianque/net_rx_latency_stages/latency_ns").spliterator(), false)
        .skip(SLOT_OF_LATE)
        .mapToLong(JsonNode::asLong)
        .sum();
  }

  private void readLate(NetnsPair network, String address, int port) throws Exception {
    TcpConnection connection = keep(TcpConnection.open(network, address, port));
    connection.send(1, 100);
    Socket server = connection.server();
    await().atMost(LIMIT).until(() -> server.getInputStream().available() == 100);
    Thread.sleep(LATE);
    network.in(RIGHT, "bq-reader", () -> server.getInputStream().readNBytes(100));
  }

  private Expected newDevice() {
    NetnsPair network = inSight();
    network.ip(RIGHT, "link", "add", "bq-bridge", "type", "bridge");
    return document()
        .with("bianque.netdev_events.netns", network.inode(RIGHT))
        .with("observer.ingress.interface.name", "bq-bridge")
        .with("bianque.netdev_events.change", "appeared")
        .with("bianque.netdev_events.after", "bq-bridge")
        .with("bianque.netdev_events.kind", "bridge");
  }

  private Expected framesThatNobodyHandles() throws Exception {
    NetnsPair network = inSight();
    Tap tap = keep(Tap.open(network, RIGHT, "bq-tap"));
    network.sysctl(RIGHT, "net.ipv6.conf.bq-tap.disable_ipv6", "1");
    network.ip(RIGHT, "link", "set", "bq-tap", "up");
    byte[] frame = new byte[64];
    Arrays.fill(frame, 0, 6, (byte) 0xff);
    // An Ethernet type for experiments.
    frame[12] = (byte) 0x88;
    frame[13] = (byte) 0xb5;
    for (int i = 0; i < 25; i++) {
      tap.receive(frame);
    }
    return document()
        .with("bianque.netdev_hw.netns", network.inode(RIGHT))
        .with("observer.ingress.interface.name", "bq-tap")
        .with("bianque.netdev_hw.kind", "tun")
        .with("bianque.netdev_hw.rx_dropped", 25);
  }

  /** The agent sees devices of namespaces that have an id in its own, as veth pairs give it. */
  private NetnsPair inSight() {
    NetnsPair network = keep(NetnsPair.open());
    run("ip netns set " + network.namespace(RIGHT) + " auto");
    return network;
  }

  private Expected kill() throws Exception {
    MemoryCgroup cgroup = keep(MemoryCgroup.create("bianque-e2e-oom").limit(32 * MIB));
    // Looks for the end of a line that never ends, and keeps it all in memory.
    Process glutton = cgroup.start("tail", "/dev/zero");
    MemoryCgroup.await(glutton);
    return document()
        .with("bianque.oom.victim_pid", glutton.pid())
        .with("bianque.oom.victim_comm", "tail")
        .with("bianque.oom.scope", "memcg")
        .with("bianque.oom.victim_memcg_path", cgroup.path())
        .with("bianque.oom.limit_memcg_id", cgroup.id())
        .with("bianque.oom.limit_bytes", 32 * MIB)
        .through("bianque.oom.kernel_stack", "oom_kill_process");
  }

  private Expected reclaim() throws Exception {
    MemoryCgroup cgroup = keep(MemoryCgroup.create("bianque-e2e-reclaim").limit(32 * MIB));
    Process reader = readMoreThanItMayKeep(cgroup);
    return document()
        .with("process.pid", reader.pid())
        .with("process.name", "dd")
        .with("bianque.memory_reclaim.kind", "memcg")
        .with("bianque.memory_reclaim.memcg_path", cgroup.path())
        .with("bianque.memory_reclaim.memcg_limit_bytes", 32 * MIB)
        .through("bianque.memory_reclaim.kernel_stack", "try_to_free_mem_cgroup_pages");
  }

  private Expected reclaimCounted() throws Exception {
    MemoryCgroup cgroup = keep(MemoryCgroup.create("bianque-e2e-reclaim").limit(32 * MIB));
    readMoreThanItMayKeep(cgroup);
    return document()
        .with("bianque.memory_reclaim_time.memcg_id", cgroup.id())
        .with("bianque.memory_reclaim_time.kind", "memcg")
        .atLeast("bianque.memory_reclaim_time.count", 1)
        .atLeast("bianque.memory_reclaim_time.reclaimed_pages", 32 * MIB / 4096);
  }

  private Process readMoreThanItMayKeep(MemoryCgroup cgroup) throws Exception {
    Path file = file(96);
    Process reader = cgroup.start("dd", "if=" + file, "of=/dev/null", "bs=64k");
    MemoryCgroup.await(reader);
    return reader;
  }

  private Expected compaction() throws Exception {
    MemoryCgroup cgroup = keep(MemoryCgroup.create("bianque-e2e-compact"));
    Process shell = compact(cgroup);
    return document()
        .with("process.pid", shell.pid())
        .with("process.name", "sh")
        .with("bianque.memory_compact.kind", "zone_requested")
        .with("bianque.memory_compact.memcg_path", cgroup.path())
        .and(document -> at(document, "bianque.memory_compact.compact_result").isTextual())
        .through("bianque.memory_compact.kernel_stack", "sysctl_compaction_handler");
  }

  private Expected compactionCounted() throws Exception {
    MemoryCgroup cgroup = keep(MemoryCgroup.create("bianque-e2e-compact"));
    compact(cgroup);
    return document()
        .with("bianque.memory_compact_time.memcg_id", cgroup.id())
        .with("bianque.memory_compact_time.kind", "zone_requested")
        .atLeast("bianque.memory_compact_time.count", 1)
        .atLeast("bianque.memory_compact_time.total_ns", 1);
  }

  private static Process compact(MemoryCgroup cgroup) throws InterruptedException {
    Process shell = cgroup.start("sh", "-c", "echo 1 > /proc/sys/vm/compact_memory");
    MemoryCgroup.await(shell);
    return shell;
  }

  private Expected writerToAFrozenDisk() {
    FrozenDisk disk = keep(FrozenDisk.in(folder));
    return document()
        .with("process.pid", disk.writer())
        .with("process.name", "dd")
        .atLeast("bianque.hungtask.off_cpu_ns", 2_000_000_000)
        .through("bianque.hungtask.kernel_stack", "percpu_rwsem_wait");
  }

  private Expected writeThatHangs() throws Exception {
    LoopDisk disk = keep(LoopDisk.open());
    disk.freeze();
    Thread writer =
        Thread.ofPlatform()
            .name("bq-writer")
            .daemon()
            .start(() -> {
              try {
                disk.write(64 * 1024, 8 * 1024);
              } catch (IOException unseen) {
                // Then there is no such document.
              }
            });
    await().atMost(LIMIT).until(() -> disk.inFlight() == 1);
    Thread.sleep(LATE);
    disk.thaw();
    writer.join(LIMIT);
    return document()
        .with("bianque.iolatency.disk", disk.name())
        .with("process.pid", ProcessHandle.current().pid())
        .with("process.name", "bq-writer")
        .with("bianque.iolatency.operation", "write")
        .with("bianque.iolatency.sector", 128)
        .with("bianque.iolatency.bytes", 8192)
        .with("bianque.iolatency.outcome", "done")
        .atLeast("bianque.iolatency.dispatched_ns", LATE.toNanos());
  }

  private Expected tenWrites() throws Exception {
    LoopDisk disk = keep(LoopDisk.open());
    Cgroup cgroup = keep(new Cgroup("e2e-io", "blkio"));
    run(
        cgroup.enter()
            + "exec dd if=/dev/zero of="
            + disk.device()
            + " bs=64k count=10 oflag=direct status=none");
    return document()
        .with("bianque.iolatency_time.disk", disk.name())
        .with("bianque.iolatency_time.io_cgroup_id", cgroup.idOfController().orElse(cgroup.id()))
        .with("bianque.iolatency_time.operation", "write")
        .with("bianque.iolatency_time.count", 10)
        .with("bianque.iolatency_time.bytes", 10 * 64 * 1024);
  }

  /** More of them than this machine's other work needs in the 10 s between two counts. */
  private Expected readsFromTheDisk() throws Exception {
    Path file = file(32);
    Map<Line, Long> before = interrupts();
    run("dd if=" + file + " of=/dev/null bs=4k iflag=direct status=none");
    long reads = 32 * MIB / 4096;
    Line line =
        interrupts().entrySet().stream()
            .filter(now -> now.getValue() - before.getOrDefault(now.getKey(), 0L) >= reads / 2)
            .map(Map.Entry::getKey)
            .findFirst()
            .orElseGet(() -> abort("the disk of this machine has no interrupts of its own"));
    Expected ofLine =
        document()
            .with("bianque.irq_latency.irq", line.irq())
            .with("bianque.irq_latency.handler", line.handler());
    return ofLine.atLeast(
        "bianque.irq_latency.run_count", largest("irq_latency", "run_count", ofLine) + reads / 2);
  }

  private record Line(long irq, String handler) {}

  /** As /proc/interrupts has them, those with a number: of all CPUs together. */
  private static Map<Line, Long> interrupts() throws IOException {
    List<String> lines = Files.readAllLines(Path.of("/proc/interrupts"));
    int cpus = lines.getFirst().strip().split("\\s+", -1).length;
    Map<Line, Long> interrupts = new HashMap<>();
    for (String line : lines) {
      List<String> words = List.of(line.strip().split("\\s+", -1));
      if (words.getFirst().matches("\\d+:")) {
        interrupts.put(
            new Line(Long.parseLong(words.getFirst().replace(":", "")), words.getLast()),
            words.subList(1, 1 + cpus).stream().mapToLong(Long::parseLong).sum());
      }
    }
    return interrupts;
  }

  /** More packets that a queue holds back than this machine's other work has in 10 s: none. */
  private Expected packetsThatAreSentLater() {
    NetnsPair network = keep(NetnsPair.open());
    run(
        "tc -n %s qdisc add dev %s root tbf rate 1mbit burst 1600 limit 1mb"
            .formatted(network.namespace(LEFT), LEFT.device()));
    Expected ofCpu =
        document()
            .with("bianque.softirq_latency.vector", "net_tx")
            .with("bianque.softirq_latency.on_cpu", LAST_CPU);
    long before = largest("softirq_latency", "run_count", ofCpu);
    run(
        "ip netns exec %s taskset -c %d bash -c 'for _ in {1..1000}; do echo > /dev/udp/%s/9; done'"
            .formatted(network.namespace(LEFT), LAST_CPU, RIGHT.ipv4()));
    // Some come so late that the bucket has filled again, and need not wait.
    return ofCpu
        .atLeast("bianque.softirq_latency.run_count", before + 500)
        .atLeast("bianque.softirq_latency.run_total_ns", 1);
  }

  private Expected waitForACpu() throws IOException {
    Cgroup cgroup = keep(new Cgroup("e2e-runqlat", "cpu"));
    List<Long> pids =
        crowd(cgroup, "taskset -c " + LAST_CPU, 12).stream().map(Process::pid).toList();
    return document()
        .with("bianque.runqlat.cgroup_id", cgroup.id())
        .with("bianque.runqlat.cpu", LAST_CPU)
        .with("bianque.runqlat.wait_cause", "preempted")
        .with("process.name", "bash")
        .and(document -> pids.contains(at(document, "process.pid").asLong()))
        .atLeast("event.duration", 20_000_000);
  }

  private Expected waitForACpuCounted() throws IOException {
    Cgroup cgroup = keep(new Cgroup("e2e-runqlat", "cpu"));
    crowd(cgroup, "taskset -c " + LAST_CPU, 4);
    return document()
        .with("bianque.runqlat_latency.cgroup_id", cgroup.id())
        .atLeast("bianque.runqlat_latency.count", 20)
        .atLeast("bianque.runqlat_latency.involuntary_switches", 20);
  }

  private Expected pressureOfACgroup() throws IOException {
    Cgroup cgroup = keep(new Cgroup("e2e-psi", "cpu"));
    crowd(cgroup, "", 3 * (LAST_CPU + 1));
    return document()
        .with("bianque.psi.cgroup_id", cgroup.id())
        .with("bianque.psi.resource", "cpu")
        .atLeast("bianque.psi.some_total_ns", 500_000_000);
  }

  private Expected pressureOfTheHost() throws IOException {
    crowd(keep(new Cgroup("e2e-psi-trigger", "cpu")), "", 3 * (LAST_CPU + 1));
    return document()
        .with("bianque.psi_trigger.resource", "cpu")
        .with("bianque.psi_trigger.share", "some")
        .with("bianque.psi_trigger.threshold_ns", 1_500_000_000);
  }

  /** Loops of a shell in a cgroup, for ten seconds: three windows of the kernel's trigger. */
  private List<Process> crowd(Cgroup cgroup, String how, int size) throws IOException {
    String loop = "end=$((SECONDS + 10)); while ((SECONDS < end)); do :; done";
    List<Process> loops = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      loops.add(keep(start("exec " + how + " bash -c '" + cgroup.enter() + loop + "'")));
    }
    return loops;
  }

  /** The scheduler switches from what keeps interrupts off to a loop, which the tick finds. */
  private Expected lateTick() throws IOException {
    Busy busy = Busy.in(folder);
    Cgroup cgroup = keep(new Cgroup("e2e-tick", "cpu"));
    List<Long> loops = new ArrayList<>();
    for (int cpu = 0; cpu <= LAST_CPU; cpu++) {
      crowd(cgroup, "taskset -c " + cpu, 1).forEach(loop -> loops.add(loop.pid()));
    }
    // The next task may be another one.
    for (int i = 0; i < 5; i++) {
      busy.interruptsOff(30);
    }
    return document()
        .with("process.name", "bash")
        .and(document -> loops.contains(at(document, "process.pid").asLong()))
        .atLeast("bianque.sched_tick.late_ns", 15_000_000)
        .and(document ->
            at(document, "bianque.sched_tick.location").asText().startsWith("finish_task_switch"))
        .through("bianque.sched_tick.kernel_stack", "__schedule");
  }

  private Expected samplesOnRequest() throws IOException {
    Cgroup cgroup = keep(new Cgroup("e2e-perf", "cpu"));
    Process copying =
        keep(start(cgroup.enter() + "exec dd if=/dev/zero of=/dev/null bs=1M count=200000"));
    keep(() -> stack.bianque("control reset perf --all").succeeded());
    stack.bianque("control start perf --all --for 1m --set cgroup_id=" + cgroup.id()).succeeded();
    return document()
        .with("process.pid", copying.pid())
        .with("process.name", "dd")
        .with("bianque.perf.cgroup_id", cgroup.id())
        .and(document ->
            at(document, "bianque.perf.user_stack")
                .path(0)
                .asText()
                .matches("read\\+0x[0-9a-f]+ \\[libc\\.so\\.6]"))
        .through("bianque.perf.kernel_stack", "vfs_read");
  }

  /** The task that CPU 0 runs when it has nothing to do: the one that started the kernel. */
  Expected samplesOfTheIdleTaskOfCpu0() {
    keep(() -> stack.bianque("control reset perf --all").succeeded());
    stack.bianque("control start perf --all --for 1m --set watch_idle=true").succeeded();
    return document()
        .with("process.pid", 0)
        .with("process.name", "swapper/0")
        .through("bianque.perf.kernel_stack", "start_kernel");
  }

  /** A file that is on the disk and not in the page cache. */
  private Path file(int mib) {
    Path file = folder.resolve("file");
    run("dd if=/dev/zero of=" + file + " bs=1M oflag=direct status=none count=" + mib);
    return file;
  }

  /** What the documents have said until now; 0 where there is none. */
  private long largest(String stream, String field, Expected expected) {
    return documents(stream, expected).stream()
        .mapToLong(document -> at(document, "bianque." + stream + "." + field).asLong())
        .max()
        .orElse(0);
  }

  private List<JsonNode> documents(String stream, Expected expected) {
    return stack
        .search()
        .documents("logs-bianque." + stream + "-default", expected.query(Instant.EPOCH));
  }

  private static void run(String command) {
    Shell.run(Path.of("/"), Map.of(), LIMIT, command).succeeded();
  }

  /** The shell becomes the command, if it is only one. */
  private static Process start(String command) throws IOException {
    return new ProcessBuilder("bash", "-c", command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  private Process keep(Process process) {
    own.push(() -> process.destroyForcibly().waitFor());
    return process;
  }

  private <T extends AutoCloseable> T keep(T resource) {
    own.push(resource);
    return resource;
  }

  /** The last first, each whatever became of the others. */
  @Override
  public void close() {
    IllegalStateException left = new IllegalStateException("not all of it could be taken away");
    for (AutoCloseable resource : own) {
      try {
        resource.close();
      } catch (Exception | AssertionError e) {
        left.addSuppressed(e);
      }
    }
    if (left.getSuppressed().length > 0) {
      throw left;
    }
  }
}
