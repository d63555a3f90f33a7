package io.bianque.agent.publish;

import io.bianque.agent.publish.Outlet.Sent;
import io.bianque.schemas.catalogue.Topics;
import io.bianque.schemas.wire.WireFormat;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way of one probe's events, in order. Two threads meet here: the drain thread, which alone
 * calls {@link #offer}, and the publisher thread, which calls all else; the producer's thread
 * settles what was sent.
 *
 * <p>{@code direct} is true exactly while there is nothing on the way that is older than the next
 * event but what the producer has: then, and only then, the drain thread sends.
 */
final class Lane {
  private static final Logger LOG = LoggerFactory.getLogger(Lane.class);

  /** What may wait in memory for the disk: a quarter of a second at 20,000 events/s. */
  private static final long HAND_OFF_BYTES = 4 << 20;

  /** Events sent from the spool before other lanes get their turn. */
  private static final int TURN = 512;

  private static final long OPEN_SPOOL_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final String probe;
  private final String topic;
  private final byte[] key;
  private final Outlet outlet;
  private final Function<Stream, OptionalInt> schemaId;
  private final Runnable wakePublisher;
  private final Progress progress = new Progress();
  private volatile Known known;

  private final Deque<Event> handOff = new ArrayDeque<>();
  private long handOffBytes;
  private boolean direct;

  private final Object sending = new Object();
  private final Deque<Flight> inFlight = new ArrayDeque<>();
  private Spool.Position acknowledged;
  private boolean passedDirectly;

  private Spool spool;
  private long openSpoolAt = System.nanoTime();
  private volatile String trouble;
  private Life lastOnDisk;
  private boolean countsMoved;
  private boolean saidRefused;

  /** The last schema id that was asked for with success. */
  private record Known(Stream stream, OptionalInt id) {}

  Lane(
      String probe,
      byte[] key,
      Outlet outlet,
      Function<Stream, OptionalInt> schemaId,
      Runnable wakePublisher) {
    this.probe = probe;
    this.topic = Topics.raw(probe);
    this.key = key;
    this.outlet = outlet;
    this.schemaId = schemaId;
    this.wakePublisher = wakePublisher;
  }

  String probe() {
    return probe;
  }

  /** What is wrong with its spool; null when nothing is. */
  String trouble() {
    return trouble;
  }

  synchronized boolean isDirect() {
    return direct;
  }

  boolean isStalled() {
    return progress.stalled();
  }

  int inFlightEvents() {
    return progress.inFlight();
  }

  /** Whether some hundred events more can wait for the disk. */
  synchronized boolean hasRoom() {
    return handOffBytes <= HAND_OFF_BYTES / 2;
  }

  /** Takes an event, by the drain thread. Never waits. */
  void offer(Event event) {
    event.stream.counts().offered();
    synchronized (this) {
      if (direct && !maySend()) {
        direct = false;
      }
      if (!direct) {
        handOver(event);
        return;
      }
    }
    switch (send(event, null)) {
      case ACCEPTED -> {}
      case HOPELESS -> event.dropped(DropReason.REFUSED);
      case REFUSED -> {
        synchronized (this) {
          direct = false;
          handOver(event);
        }
      }
    }
  }

  private void handOver(Event event) {
    if (handOffBytes + event.memoryBytes() > HAND_OFF_BYTES) {
      event.dropped(DropReason.HAND_OFF_FULL);
      return;
    }
    handOff.addLast(event);
    handOffBytes += event.memoryBytes();
    if (handOff.size() == 1) {
      wakePublisher.run();
    }
  }

  private boolean maySend() {
    return outlet.hasRoom() && !progress.stalled();
  }

  private Sent send(Event event, Spool.Position spoolEnd) {
    OptionalInt id = schemaId(event.stream);
    if (id.isEmpty()) {
      return Sent.REFUSED;
    }
    WireFormat.putHeader(id.getAsInt(), event.value, 0);
    Flight flight = new Flight(event, spoolEnd);
    // Held over the whole call, so that takeBack() finds every event either with the producer or
    // refused.
    synchronized (sending) {
      synchronized (inFlight) {
        inFlight.addLast(flight);
      }
      progress.sent();
      Sent sent =
          outlet.send(
              new ProducerRecord<>(topic, null, event.timestampMillis(), key, event.value),
              event.memoryBytes(),
              flight);
      if (sent != Sent.ACCEPTED) {
        progress.settled();
        synchronized (inFlight) {
          inFlight.removeLast();
        }
      }
      return sent;
    }
  }

  /** Asked for until it is known: that an event makes a key to ask with is 3 % of its cost. */
  @SuppressWarnings("ReferenceEquality") // The same stream is asked for again and again.
  private OptionalInt schemaId(Stream stream) {
    Known last = known;
    if (last != null && last.stream == stream) {
      return last.id;
    }
    OptionalInt id = schemaId.apply(stream);
    if (id.isPresent()) {
      known = new Known(stream, id);
    }
    return id;
  }

  // ---- publisher thread ----

  /** Whether it is time to open its spool, for the first time or again. */
  boolean wantsSpool() {
    return spool == null && System.nanoTime() - openSpoolAt >= 0;
  }

  void spool(Spool opened) {
    spool = opened;
    trouble = null;
  }

  void spoolTrouble(IOException e) {
    trouble = e.toString();
    openSpoolAt = System.nanoTime() + OPEN_SPOOL_PAUSE_NANOS;
  }

  long spoolBytes() {
    return spool == null ? 0 : spool.bytes();
  }

  /** Gives up its oldest segment; false when there is none. */
  boolean dropOldest() throws IOException {
    countsMoved = true;
    return spool != null && spool.dropOldest(DropReason.SPOOL_FULL);
  }

  /**
   * Whether the disk cannot tell a next run of the agent any more what was counted when this was
   * asked last: events left it, or a life's first came to it.
   */
  boolean takeCountsMoved() {
    boolean moved = countsMoved;
    countsMoved = false;
    return moved;
  }

  /** Whether events wait for the broker or for the disk. */
  synchronized boolean hasBacklog() {
    return !handOff.isEmpty() || (spool != null && !spool.isEmpty());
  }

  /** Events handed over by the drain thread; they are the caller's from now on. */
  synchronized Deque<Event> takeHandOff() {
    Deque<Event> taken = new ArrayDeque<>(handOff);
    handOff.clear();
    handOffBytes = 0;
    return taken;
  }

  /** Sends what it may without a detour over the disk; the queue keeps the rest. */
  void sendDirectly(Deque<Event> events) {
    if (spool != null && !spool.isEmpty()) {
      return;
    }
    while (!events.isEmpty() && maySend()) {
      switch (send(events.getFirst(), null)) {
        case REFUSED -> {
          return;
        }
        case HOPELESS -> events.removeFirst().dropped(DropReason.REFUSED);
        case ACCEPTED -> events.removeFirst();
      }
    }
  }

  /** Writes the events to disk; those that cannot be are given up. */
  void toDisk(Deque<Event> events) {
    if (events.isEmpty()) {
      return;
    }
    if (spool != null) {
      Life last = events.getLast().stream.life();
      countsMoved |= !last.equals(lastOnDisk);
      lastOnDisk = last;
      try {
        appendMakingRoom(events);
        trouble = null;
        return;
      } catch (IOException e) {
        trouble = e.toString();
      }
    }
    events.forEach(event -> event.dropped(DropReason.DISK));
  }

  /** The newest are worth more than the oldest, on a full disk as in a full spool. */
  private void appendMakingRoom(Deque<Event> events) throws IOException {
    while (!events.isEmpty()) {
      try {
        spool.append(events);
      } catch (IOException diskFull) {
        countsMoved = true;
        if (!spool.dropOldest(DropReason.DISK)) {
          throw diskFull;
        }
      }
    }
  }

  /** Sends from the spool what it may; true when it could go on. */
  boolean sendFromSpool() throws IOException {
    for (int sent = 0; sent < TURN; sent++) {
      if (!maySend()) {
        return false;
      }
      Spool.Entry entry = spool == null ? null : spool.next();
      if (entry == null) {
        return false;
      }
      switch (send(entry.event(), entry.end())) {
        case REFUSED -> {
          spool.giveBack(entry);
          return false;
        }
        case HOPELESS -> entry.event().dropped(DropReason.REFUSED);
        case ACCEPTED -> {}
      }
    }
    return true;
  }

  /** Remembers on disk what the broker has acknowledged. */
  void rememberAcknowledged() throws IOException {
    Spool.Position end;
    boolean passed;
    synchronized (inFlight) {
      end = acknowledged;
      acknowledged = null;
      passed = passedDirectly;
      passedDirectly = false;
    }
    if (spool == null) {
      return;
    }
    if (end != null) {
      countsMoved = true;
      spool.acknowledge(end);
    }
    // A position that could not be written the last time is tried again.
    spool.writePosition();
    if (end != null || passed) {
      // Whatever was wrong with writing to it: what comes goes to the broker now.
      trouble = null;
    }
  }

  /** Lets the drain thread send by itself again, when nothing older is left. */
  synchronized void turnDirect() {
    if (!direct && !hasBacklog() && maySend()) {
      direct = true;
    }
  }

  /** After the producer is gone: what it had goes before the spool, in order. */
  void takeBack() {
    List<Event> events = new ArrayList<>();
    synchronized (this) {
      direct = false;
    }
    // What it has acknowledged since the last look is behind: it would be sent again.
    try {
      rememberAcknowledged();
    } catch (IOException e) {
      trouble = e.toString();
    }
    synchronized (sending) {
      synchronized (inFlight) {
        for (Flight flight : inFlight) {
          if (!flight.settled) {
            events.add(flight.event);
            progress.settled();
          }
        }
        inFlight.clear();
        acknowledged = null;
      }
    }
    if (events.isEmpty()) {
      return;
    }
    try {
      if (spool == null) {
        throw new IOException("no spool: " + trouble);
      }
      spool.takeBack(events);
    } catch (IOException e) {
      trouble = e.toString();
      events.forEach(event -> event.dropped(DropReason.DISK));
    }
  }

  void closeSpool() throws IOException {
    if (spool != null) {
      spool.close();
    }
  }

  /** An event with the producer. */
  private final class Flight implements Outlet.Settled {
    private final Event event;
    private final Spool.Position spoolEnd;
    private boolean settled;

    Flight(Event event, Spool.Position spoolEnd) {
      this.event = event;
      this.spoolEnd = spoolEnd;
    }

    @Override
    public void acknowledged() {
      event.acked();
      settle();
    }

    @Override
    public void hopeless(String reason) {
      event.dropped(DropReason.REFUSED);
      if (!saidRefused) {
        saidRefused = true;
        LOG.warn("{}: an event is given up, others like it will be too: {}", topic, reason);
      }
      settle();
    }

    private void settle() {
      progress.settled();
      synchronized (inFlight) {
        settled = true;
        while (!inFlight.isEmpty() && inFlight.getFirst().settled) {
          Flight first = inFlight.removeFirst();
          if (first.spoolEnd == null) {
            passedDirectly = true;
          } else {
            acknowledged = first.spoolEnd;
          }
        }
      }
    }
  }
}
