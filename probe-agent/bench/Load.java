import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What the machine does while something is measured.
 *
 * @param drops datagrams a second that the kernel drops
 * @param exchanges a second of two threads over loopback TCP
 */
record Load(String name, int drops, int exchanges, boolean rareEvents) {
  static final Load REST = new Load("at rest", 0, 0, false);
  static final Load EVENTS = new Load("1,000 events/s", 1_000, 0, false);
  static final Load FLOOD = new Load("50,000 events/s", 50_000, 0, false);
  static final Load SWITCHES = new Load("1,000 exchanges/s", 0, 1_000, false);
  static final Load SWITCHES_HEAVY = new Load("5,000 exchanges/s", 0, 5_000, false);
  static final Load RARE = new Load("rare events", 0, 0, true);

  static final List<Load> ALL = List.of(REST, EVENTS, SWITCHES, SWITCHES_HEAVY, RARE, FLOOD);

  /** Of the whole machine, cumulative; packets are those that this network namespace received. */
  record Machine(long switches, long packets) {
    static Machine now() throws IOException {
      long switches =
          Files.readAllLines(Path.of("/proc/stat")).stream()
              .filter(line -> line.startsWith("ctxt "))
              .mapToLong(line -> Long.parseLong(line.substring(5)))
              .findFirst()
              .orElseThrow();
      // The third number of snmp's second Ip line.
      long packets =
          Files.readAllLines(Path.of("/proc/net/snmp")).stream()
              .filter(line -> line.startsWith("Ip:"))
              .skip(1)
              .mapToLong(line -> Long.parseLong(line.split(" ")[3]))
              .findFirst()
              .orElseThrow();
      return new Machine(switches, packets);
    }
  }

  /** Goes on until it is closed. */
  Running start(Path work) throws IOException {
    List<AutoCloseable> parts = new ArrayList<>();
    if (drops > 0) {
      parts.add(new Drops(drops));
    }
    if (exchanges > 0) {
      parts.add(new PingPong(exchanges));
    }
    if (rareEvents) {
      parts.add(new RareEvents(work));
    }
    return new Running(parts);
  }

  /** A load under way. */
  record Running(List<AutoCloseable> parts) implements AutoCloseable {
    @Override
    public void close() throws Exception {
      for (AutoCloseable part : parts) {
        part.close();
      }
    }
  }
}
