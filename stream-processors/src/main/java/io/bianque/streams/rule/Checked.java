package io.bianque.streams.rule;

import dev.cel.common.CelAbstractSyntaxTree;
import dev.cel.common.CelOptions;
import dev.cel.common.CelValidationException;
import dev.cel.common.types.SimpleType;
import dev.cel.common.types.StructTypeReference;
import dev.cel.compiler.CelCompiler;
import dev.cel.compiler.CelCompilerFactory;
import dev.cel.parser.CelStandardMacro;
import dev.cel.runtime.CelEvaluationException;
import dev.cel.runtime.CelRuntime;
import dev.cel.runtime.CelRuntimeFactory;
import java.util.Optional;
import org.apache.avro.Schema;

/** A condition that was found right, and how CEL's own interpreter runs it. */
record Checked(CelAbstractSyntaxTree ast, CelRuntime.Program program) {
  private static final CelRuntime RUNTIME = CelRuntimeFactory.standardCelRuntimeBuilder().build();

  /** What checks conditions over events of this schema. */
  static CelCompiler compiler(Schema event) {
    return CelCompilerFactory.standardCelCompilerBuilder()
        // Without has(): a field that the schema declares is always there, and may be null.
        .setStandardMacros(
            CelStandardMacro.ALL,
            CelStandardMacro.EXISTS,
            CelStandardMacro.EXISTS_ONE,
            CelStandardMacro.FILTER,
            CelStandardMacro.MAP)
        // So that parts with a macro in them can be written as they were read.
        .setOptions(CelOptions.DEFAULT.toBuilder().populateMacroCalls(true).build())
        .setTypeProvider(new EventType(event))
        .addVar("event", StructTypeReference.create(event.getFullName()))
        .setResultType(SimpleType.BOOL)
        .build();
  }

  static Checked of(CelAbstractSyntaxTree ast)
      throws CelValidationException, CelEvaluationException {
    return new Checked(ast, RUNTIME.createProgram(ast));
  }

  /** What the interpreter makes of it. */
  Object value(EventView event) throws CelEvaluationException {
    return program.eval(name -> name.equals("event") ? Optional.of(event) : Optional.empty());
  }

  Condition interpreted() {
    return new Condition.Interpreted(this);
  }
}
