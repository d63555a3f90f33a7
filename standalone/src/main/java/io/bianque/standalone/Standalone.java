package io.bianque.standalone;

import io.bianque.standalone.part.Broker;
import io.bianque.standalone.part.Connect;
import io.bianque.standalone.part.ObjectStore;
import io.bianque.standalone.part.Registry;
import io.bianque.standalone.part.Search;
import io.bianque.standalone.stack.Layout;
import io.bianque.standalone.stack.Part;
import io.bianque.standalone.stack.Ports;
import java.util.List;
import java.util.Set;

/** The parts of the stack, put together. */
public final class Standalone {

  private Standalone() {}

  /** The servers that are not ours, empty but for what every user of them needs. */
  public static List<Part> servers(Layout layout, Ports ports) {
    return List.of(
        Broker.part(layout, ports, Part.SetUp.NOTHING),
        Registry.part(layout, ports, Part.SetUp.NOTHING),
        Search.part(layout, ports, Part.SetUp.NOTHING),
        ObjectStore.part(layout, ports),
        Connect.part(layout, ports, Set.of(), Part.SetUp.NOTHING));
  }
}
