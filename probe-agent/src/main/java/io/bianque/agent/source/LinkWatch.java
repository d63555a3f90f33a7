package io.bianque.agent.source;

import io.bianque.agent.libbpf.NetlinkSocket;
import io.bianque.agent.libbpf.NetlinkSocket.Reception;
import io.bianque.agent.source.Link.UpDown;
import io.bianque.agent.source.NetdevEvents.Change;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Changes of network devices, of this namespace and of those that have an id in it. The kernel says
 * how a device is, not what has changed; so the state of each is kept and compared.
 */
final class LinkWatch implements Source {
  private static final Logger LOG = LoggerFactory.getLogger(LinkWatch.class);
  private static final String QUEUE_BYTES = "queue_bytes";

  static final SourceKind KIND =
      new SourceKind(
          "netdev_events",
          "rtnetlink",
          List.of(NetdevEvents.class),
          List.of(
              Tunable.maxEventsPerSecond(1000),
              new Tunable(QUEUE_BYTES, 1 << 20, 1 << 12, 1 << 26)),
          tunables -> new LinkWatch(tunables.get(QUEUE_BYTES).intValue()));

  private final NetlinkSocket socket;
  private final Links links = new Links();
  private final NamespaceIds namespaces = new NamespaceIds(links);
  private final Map<OptionalInt, Map<Integer, Link>> known = new HashMap<>();

  /** Of devices of the own namespace; those whose link is down keep the speed that they had. */
  private final Map<Integer, Long> speeds = new HashMap<>();

  private long missed;
  private boolean incomplete;

  private LinkWatch(int queueBytes) {
    socket = NetlinkSocket.open(queueBytes, Netlink.LINK_GROUP, Netlink.NAMESPACE_ID_GROUP);
    if (!socket.listenToAllNamespaces()) {
      LOG.info(
          "probe netdev_events: other network namespaces are not seen without CAP_NET_BROADCAST");
    }
    // Behind the subscription: what changes meanwhile comes as a message, and is compared.
    compareAll(_ -> {});
  }

  @Override
  public int drain(int maxRecords, Consumer<Record> out) {
    int[] count = {0};
    Consumer<Record> counted =
        each -> {
          count[0]++;
          out.accept(each);
        };
    while (count[0] < maxRecords) {
      Reception reception =
          socket.receive((datagram, id) -> messages(namespaces.other(id), datagram, counted));
      if (reception == Reception.OVERRUN) {
        missed++;
        incomplete = true;
      } else if (reception == Reception.NOTHING) {
        if (incomplete) {
          incomplete = false;
          compareAll(counted);
        }
        break;
      }
    }
    return count[0];
  }

  /** The kernel sends no message when a speed changes and the link stays up. */
  @Override
  public boolean poll(Consumer<Record> out) {
    OptionalInt own = OptionalInt.empty();
    devices(own).values().forEach(link -> compareSpeed(own, link, out));
    return true;
  }

  private void messages(OptionalInt namespace, ByteBuffer datagram, Consumer<Record> out) {
    Netlink.forEach(datagram, (type, body) -> message(namespace, type, body, out));
  }

  private void message(OptionalInt namespace, int type, ByteBuffer body, Consumer<Record> out) {
    switch (type) {
      case Netlink.NEW_LINK -> {
        if (Link.isDevice(body)) {
          compare(namespace, Link.of(body), out);
        }
      }
      case Netlink.DELETE_LINK -> {
        if (Link.isDevice(body)) {
          disappeared(namespace, Link.index(body), out);
        }
      }
      case Netlink.NEW_NAMESPACE_ID ->
          ownId(namespace, body).ifPresent(id -> compareAll(OptionalInt.of(id), out));
      case Netlink.DELETE_NAMESPACE_ID -> ownId(namespace, body).ifPresent(id -> ended(id, out));
      default -> {}
    }
  }

  /** Other namespaces say which ids they give, too. */
  private Optional<Integer> ownId(OptionalInt of, ByteBuffer body) {
    OptionalInt id = Links.namespaceId(body);
    return of.isPresent() || id.isEmpty() || namespaces.isOwn(id.getAsInt())
        ? Optional.empty()
        : Optional.of(id.getAsInt());
  }

  private void compareAll(Consumer<Record> out) {
    compareAll(OptionalInt.empty(), out);
    Set<Integer> present = namespaces.others();
    present.forEach(id -> compareAll(OptionalInt.of(id), out));
    Set<OptionalInt> gone = new HashSet<>(known.keySet());
    gone.removeIf(id -> id.isEmpty() || present.contains(id.getAsInt()));
    gone.forEach(id -> ended(id.getAsInt(), out));
  }

  private void compareAll(OptionalInt namespace, Consumer<Record> out) {
    Map<Integer, Link> before = devices(namespace);
    Map<Integer, Link> now = new HashMap<>();
    boolean answered =
        links.each(
            namespace,
            false,
            (_, body) -> {
              Link link = Link.of(body);
              now.put(link.index(), link);
            });
    if (answered) {
      now.values().forEach(link -> compare(namespace, link, out));
      Set<Integer> gone = new HashSet<>(before.keySet());
      gone.removeAll(now.keySet());
      gone.forEach(index -> disappeared(namespace, index, out));
    }
  }

  private void ended(int id, Consumer<Record> out) {
    OptionalInt namespace = OptionalInt.of(id);
    List.copyOf(devices(namespace).keySet()).forEach(index -> disappeared(namespace, index, out));
    known.remove(namespace);
    namespaces.forget(id);
  }

  private void compare(OptionalInt namespace, Link now, Consumer<Record> out) {
    Link before = devices(namespace).put(now.index(), now);
    if (before == null) {
      if (namespace.isEmpty()) {
        noteSpeed(now);
      }
      emit(namespace, now, Change.APPEARED, Optional.empty(), Optional.of(now.name()), out);
      return;
    }
    Comparison changes =
        (change, was, is) -> {
          if (!was.equals(is)) {
            emit(namespace, now, change, was.map(Object::toString), is.map(Object::toString), out);
          }
        };
    changes.of(Change.RENAMED, Optional.of(before.name()), Optional.of(now.name()));
    changes.of(Change.ADMIN, Optional.of(before.admin()), Optional.of(now.admin()));
    changes.of(Change.CARRIER, Optional.of(before.carrier()), Optional.of(now.carrier()));
    changes.of(Change.OPERSTATE, Optional.of(before.operState()), Optional.of(now.operState()));
    changes.of(Change.MASTER, master(namespace, before), master(namespace, now));
    changes.of(Change.BOND_STATE, before.bondState(), now.bondState());
    changes.of(Change.BOND_LINK, before.bondLink(), now.bondLink());
    compareSpeed(namespace, now, out);
  }

  private Map<Integer, Link> devices(OptionalInt namespace) {
    return known.computeIfAbsent(namespace, _ -> new HashMap<>());
  }

  /** Two values of one thing. */
  @FunctionalInterface
  private interface Comparison {
    void of(Change change, Optional<?> before, Optional<?> now);
  }

  private void disappeared(OptionalInt namespace, int index, Consumer<Record> out) {
    Link last = devices(namespace).remove(index);
    if (last != null) {
      emit(namespace, last, Change.DISAPPEARED, Optional.of(last.name()), Optional.empty(), out);
      if (namespace.isEmpty()) {
        speeds.remove(index);
      }
    }
  }

  /** Drivers of other namespaces' devices cannot be asked from here. */
  private void compareSpeed(OptionalInt namespace, Link link, Consumer<Record> out) {
    if (namespace.isPresent()) {
      return;
    }
    Optional<Long> before = Optional.ofNullable(speeds.get(link.index()));
    noteSpeed(link);
    Optional<Long> now = Optional.ofNullable(speeds.get(link.index()));
    if (!before.equals(now)) {
      Optional<String> was = before.map(Object::toString);
      emit(namespace, link, Change.SPEED, was, now.map(Object::toString), out);
    }
  }

  private void noteSpeed(Link link) {
    if (link.admin() == UpDown.UP && link.carrier() == UpDown.UP) {
      links.speed(link.name()).ifPresent(speed -> speeds.put(link.index(), speed));
    }
  }

  private Optional<String> master(OptionalInt namespace, Link link) {
    if (link.master() == 0) {
      return Optional.empty();
    }
    Link master = devices(namespace).get(link.master());
    return Optional.of(master == null ? "ifindex " + link.master() : master.name());
  }

  private void emit(
      OptionalInt namespace,
      Link link,
      Change change,
      Optional<String> before,
      Optional<String> after,
      Consumer<Record> out) {
    if (namespaces.inode(namespace).isEmpty()) {
      namespaces.look();
    }
    boolean own = namespace.isEmpty();
    out.accept(
        new NetdevEvents(
            namespaces.inode(namespace),
            own ? Optional.empty() : Optional.of(namespace.getAsInt()),
            link.name(),
            link.index(),
            link.kind(),
            own ? links.driver(link.name()) : Optional.empty(),
            change,
            before,
            after,
            link.admin(),
            link.carrier(),
            link.operState(),
            master(namespace, link),
            own ? Optional.ofNullable(speeds.get(link.index())) : Optional.empty()));
  }

  @Override
  public long missed() {
    return missed;
  }

  @Override
  public void close() {
    socket.close();
    namespaces.close();
    links.close();
  }
}
