package io.bianque.streams;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.streams.part.Part;
import io.bianque.streams.run.TopologyDrawing;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import org.junit.jupiter.api.Test;

class TopologyPageTest {
  private static final Path PAGE = Path.of("../docs/topology.md");

  @Test
  void pageDrawsTheTopologyAsItIs() throws Exception {
    String drawn =
        TopologyDrawing.mermaid(
            BianqueStreams.TopologyCommand.described(EnumSet.allOf(Part.class)));

    assertThat(Files.readString(PAGE))
        .as("what `./bianque streams topology --mermaid` prints belongs into docs/topology.md")
        .contains("```mermaid\n" + drawn + "\n```\n");
  }
}
