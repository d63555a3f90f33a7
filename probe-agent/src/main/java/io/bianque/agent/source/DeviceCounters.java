package io.bianque.agent.source;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Counters of network devices: what the card and its driver dropped, of this namespace and of those
 * that have an id in it.
 */
final class DeviceCounters implements Source {
  static final SourceKind KIND =
      new SourceKind(
          "netdev_hw", "rtnetlink", List.of(NetdevHw.class), List.of(), _ -> new DeviceCounters());

  /** Places in struct rtnl_link_stats64, in the order of {@link NetdevHw}. */
  private static final int[] PLACES = {
    4, 6, 15, 14, 11, 12, 13, 10, 23, 5, 7, 18, 17, 16, 19, 20, 9, 0, 2, 1, 3
  };

  /** All but the last four, which are packets and bytes that went well. */
  private static final int TROUBLES = PLACES.length - 4;

  private static final int STRUCT_COUNTERS = 24;

  private final Links links = new Links();
  private final NamespaceIds namespaces = new NamespaceIds(links);
  private final Totals<Device> totals = new Totals<>();

  private record Device(OptionalInt namespace, int index) {}

  private DeviceCounters() {
    each((device, body) -> totals.begin(device, counters(body)));
  }

  @Override
  public boolean poll(Consumer<Record> out) {
    Set<Device> seen = new HashSet<>();
    List<Runnable> news = new ArrayList<>();
    each((device, body) -> {
      seen.add(device);
      totals
          .add(device, counters(body), TROUBLES)
          .ifPresent(total -> {
            Link link = Link.of(body);
            news.add(() -> out.accept(record(device.namespace(), link, total)));
          });
    });
    totals.retain(seen);
    // Behind the dump, since a record may need another question to the kernel.
    news.forEach(Runnable::run);
    return true;
  }

  /** Who takes what there is of a device. */
  @FunctionalInterface
  private interface DeviceHandler {
    void device(Device device, ByteBuffer body);
  }

  private void each(DeviceHandler handler) {
    each(OptionalInt.empty(), handler);
    namespaces.others().forEach(id -> each(OptionalInt.of(id), handler));
  }

  private void each(OptionalInt namespace, DeviceHandler handler) {
    boolean _ =
        links.each(
            namespace,
            true,
            (_, body) -> handler.device(new Device(namespace, Link.index(body)), body));
  }

  private static long[] counters(ByteBuffer body) {
    long[] struct = Link.counters(body, STRUCT_COUNTERS);
    long[] counters = new long[PLACES.length];
    for (int i = 0; i < PLACES.length; i++) {
      counters[i] = struct[PLACES[i]];
    }
    return counters;
  }

  private NetdevHw record(OptionalInt namespace, Link link, long[] total) {
    boolean own = namespace.isEmpty();
    if (namespaces.inode(namespace).isEmpty()) {
      namespaces.look();
    }
    return new NetdevHw(
        namespaces.inode(namespace),
        own ? Optional.empty() : Optional.of(namespace.getAsInt()),
        link.name(),
        link.index(),
        link.kind(),
        own ? links.driver(link.name()) : Optional.empty(),
        total[0],
        total[1],
        total[2],
        total[3],
        total[4],
        total[5],
        total[6],
        total[7],
        total[8],
        total[9],
        total[10],
        total[11],
        total[12],
        total[13],
        total[14],
        total[15],
        total[16],
        total[17],
        total[18],
        total[19],
        total[20]);
  }

  @Override
  public void close() {
    namespaces.close();
    links.close();
  }
}
