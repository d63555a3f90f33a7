package io.bianque.streams.waiting;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Records that wait, in lanes: one for each host and topic. Within a lane they leave in the order
 * in which they came; a lane that cannot move holds up no other. For one thread, a task's.
 *
 * <p>The records lie in the store; in memory there are only their numbers.
 */
public final class WaitingRoom {
  /** What became of a record that was looked at again. */
  public enum Next {
    /** It has left. */
    GONE,
    /** It stays, and so does what is behind it. */
    STAYS,
    /** It stays, admitted from now on. */
    STAYS_ADMITTED
  }

  /** Looks at a record again. */
  public interface Visitor {
    /**
     * Looks at it.
     *
     * @param must it has to leave if it can at all
     */
    Next visit(Arrival arrival, boolean must);
  }

  /**
   * Lanes that are looked at in vain in one turn at most; the others' turn comes next. A look costs
   * as much as enriching an event does. When a large fleet's events wait for its facts, looking at
   * all of them would take longer than a turn lasts, and the facts would not get theirs.
   */
  private static final int IN_VAIN = 100;

  private record Lane(String topic, Bytes key) {
    static Lane of(Arrival arrival) {
      return new Lane(
          arrival.topic(), Bytes.wrap(arrival.key() == null ? new byte[0] : arrival.key()));
    }
  }

  /** Numbers of the waiting records, and how many of them are not admitted. */
  private static final class Queue {
    private final Deque<Long> numbers = new ArrayDeque<>();
    private int unadmitted;

    /** Its first record has just been looked at, and stayed. */
    private long restsUntilMs;
  }

  /** How long what stays is not looked at again. */
  public static final Duration REST = Duration.ofMillis(50);

  private final KeyValueStore<Long, byte[]> store;

  /** Those that were looked at longest ago first. */
  private final LinkedHashMap<Lane, Queue> lanes = new LinkedHashMap<>();

  private final TreeMap<Long, Lane> byNumber = new TreeMap<>();
  private long next;

  /** The room as the store has it. */
  public WaitingRoom(KeyValueStore<Long, byte[]> store) {
    this.store = store;
    // Kafka's Long keys are big-endian, so the store's order is that of the numbers, which begin at
    // 0.
    try (KeyValueIterator<Long, byte[]> all = store.all()) {
      while (all.hasNext()) {
        KeyValue<Long, byte[]> entry = all.next();
        index(entry.key, Arrival.fromBytes(entry.value));
        next = entry.key + 1;
      }
    }
  }

  private void index(long number, Arrival arrival) {
    Lane lane = Lane.of(arrival);
    Queue queue = lanes.computeIfAbsent(lane, l -> new Queue());
    queue.numbers.add(number);
    queue.unadmitted += arrival.admitted() ? 0 : 1;
    byNumber.put(number, lane);
  }

  /** Records waiting. */
  public int size() {
    return byNumber.size();
  }

  /**
   * Whether records wait that came from the same host and topic: the arrival has to queue behind
   * them.
   */
  public boolean holdsUp(Arrival arrival) {
    return lanes.containsKey(Lane.of(arrival));
  }

  /**
   * Whether one of them is not even admitted. Then the arrival must not be either: its sequence
   * number would move the window past those that wait, and they would count as duplicates.
   */
  public boolean holdsUpAdmission(Arrival arrival) {
    Queue queue = lanes.get(Lane.of(arrival));
    return queue != null && queue.unadmitted > 0;
  }

  public void add(Arrival arrival) {
    long number = next++;
    store.put(number, arrival.toBytes());
    index(number, arrival);
  }

  /**
   * Looks at the first of each lane again, and at what is behind it as long as records leave: in
   * turns, when many lanes cannot move.
   *
   * @param atMost records that may leave, so that a long queue does not hold up what arrives
   */
  public void visit(int atMost, long nowMs, Visitor visitor) {
    int left = atMost;
    int inVain = 0;
    for (int n = lanes.size(); n > 0 && left > 0 && inVain < IN_VAIN; n--) {
      Lane lane = lanes.firstEntry().getKey();
      left -= visit(lane, left, nowMs, visitor);
      Queue stays = lanes.get(lane);
      if (stays != null) {
        inVain++;
        lanes.putLast(lane, stays);
      }
    }
  }

  /**
   * Looks at the first records of the lane that the arrival would go to, unless it rests. With more
   * than one for each arrival, a lane that can move gets shorter whatever comes in.
   */
  public void visitLaneOf(Arrival arrival, int atMost, long nowMs, Visitor visitor) {
    Lane lane = Lane.of(arrival);
    Queue queue = lanes.get(lane);
    if (queue != null && queue.restsUntilMs <= nowMs) {
      var _ = visit(lane, atMost, nowMs, visitor);
    }
  }

  private int visit(Lane lane, int atMost, long nowMs, Visitor visitor) {
    int gone = 0;
    while (gone < atMost && visitFirst(lane, false, visitor)) {
      gone++;
    }
    Queue queue = lanes.get(lane);
    if (queue != null && gone < atMost) {
      queue.restsUntilMs = nowMs + REST.toMillis();
    }
    return gone;
  }

  /** Makes the oldest record of all leave, if it can; whether it did. */
  public boolean pushOut(Visitor visitor) {
    Map.Entry<Long, Lane> oldest = byNumber.firstEntry();
    return oldest != null && visitFirst(oldest.getValue(), true, visitor);
  }

  private boolean visitFirst(Lane lane, boolean must, Visitor visitor) {
    Queue queue = lanes.get(lane);
    if (queue == null) {
      return false;
    }
    long number = queue.numbers.getFirst();
    Arrival arrival = Arrival.fromBytes(store.get(number));
    return switch (visitor.visit(arrival, must)) {
      case GONE -> {
        store.delete(number);
        queue.numbers.removeFirst();
        queue.unadmitted -= arrival.admitted() ? 0 : 1;
        byNumber.remove(number);
        if (queue.numbers.isEmpty()) {
          lanes.remove(lane);
        }
        yield true;
      }
      case STAYS_ADMITTED -> {
        store.put(number, arrival.asAdmitted().toBytes());
        queue.unadmitted--;
        yield false;
      }
      case STAYS -> false;
    };
  }

  /** When the oldest record came, ms since 1970. */
  public Optional<Long> oldestMs() {
    Map.Entry<Long, Lane> oldest = byNumber.firstEntry();
    return oldest == null
        ? Optional.empty()
        : Optional.of(Arrival.fromBytes(store.get(oldest.getKey())).arrivedMs());
  }

  /** All records, oldest first. */
  List<Arrival> all() {
    List<Arrival> all = new ArrayList<>();
    byNumber.keySet().forEach(number -> all.add(Arrival.fromBytes(store.get(number))));
    return all;
  }
}
