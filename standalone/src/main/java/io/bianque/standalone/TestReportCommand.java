package io.bianque.standalone;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Last step of {@code bianque test}: adds up what Surefire wrote. */
@Command(name = "test-report", hidden = true, description = "Adds up Surefire's reports.")
public final class TestReportCommand implements Callable<Integer> {

  @Parameters(paramLabel = "FOLDER", description = "Folders that hold reports, in any depth.")
  private List<Path> folders;

  @Spec private CommandSpec spec;

  private int passed;
  private final List<String> failed = new ArrayList<>();
  private final List<String> skipped = new ArrayList<>();

  @Override
  public Integer call() throws IOException {
    for (Path folder : folders) {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path report : files.filter(TestReportCommand::isReport).sorted().toList()) {
          add(report);
        }
      }
    }
    PrintWriter out = spec.commandLine().getOut();
    skipped.forEach(line -> out.println("skipped: " + line));
    failed.forEach(line -> out.println("failed: " + line));
    if (passed + failed.size() == 0) {
      out.println("No test ran.");
    }
    out.println(
        "%d passed, %d failed, %d skipped".formatted(passed, failed.size(), skipped.size()));
    return failed.isEmpty() && passed > 0 ? ExitCode.OK : ExitCode.FAILED;
  }

  private static boolean isReport(Path file) {
    String name = file.getFileName().toString();
    return name.startsWith("TEST-") && name.endsWith(".xml");
  }

  private void add(Path report) throws IOException {
    NodeList cases = parse(report).getElementsByTagName("testcase");
    for (int i = 0; i < cases.getLength(); i++) {
      Element test = (Element) cases.item(i);
      String name =
          test.getAttribute("classname").replaceFirst(".*\\.", "")
              + "."
              + test.getAttribute("name");
      if (has(test, "failure") || has(test, "error")) {
        Element cause = first(test, has(test, "failure") ? "failure" : "error");
        failed.add(name + ": " + reason(cause));
      } else if (has(test, "skipped")) {
        skipped.add(name + ": " + reason(first(test, "skipped")));
      } else {
        passed++;
      }
    }
  }

  private static boolean has(Element test, String tag) {
    return test.getElementsByTagName(tag).getLength() > 0;
  }

  private static Element first(Element test, String tag) {
    return (Element) test.getElementsByTagName(tag).item(0);
  }

  /**
   * First line of its message; Surefire writes that of an assumption into the text, before the
   * trace.
   */
  private static String reason(Element outcome) {
    String message = outcome.getAttribute("message");
    String text = message.isBlank() ? outcome.getTextContent() : message;
    return text.replaceFirst("^\\s*" + Pattern.quote(outcome.getAttribute("type")) + ":", "")
        .strip()
        .lines()
        .findFirst()
        .orElse("no reason given")
        .replaceFirst("^Assumption failed: ", "");
  }

  private static Document parse(Path report) throws IOException {
    try {
      DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
      factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
      return factory.newDocumentBuilder().parse(report.toFile());
    } catch (ParserConfigurationException | SAXException broken) {
      throw new UserError(
          ExitCode.FAILED, report + " is not a test report: " + broken.getMessage());
    }
  }
}
