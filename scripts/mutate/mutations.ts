/** Faults that a hand could have written, found in the compiler's own syntax tree. */

/** A node of solc's AST, as far as it is read here. */
export type Node = {
  nodeType: string;
  /** "start:length:file", in bytes of the UTF-8 source. */
  src: string;
  name?: string;
  kind?: string;
  operator?: string;
  value?: string;
  typeDescriptions?: { typeString?: string };
  [key: string]: unknown;
};

export type Mutation = {
  operator: string;
  /** Name of the function, modifier or contract in which it is. */
  where: string;
  start: number;
  end: number;
  replacement: string;
};

type Context = {
  source: Buffer;
  where: string;
  emit: (node: Span, operator: string, replacement: string) => void;
};
type Span = { start: number; end: number };

const BINARY: Record<string, string> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "==": "!=",
  "!=": "==",
  "&&": "||",
  "||": "&&",
  "&": "|",
  "|": "&",
  "<<": ">>",
  ">>": "<<",
};
const ASSIGNMENT: Record<string, string> = {
  "+=": "-=",
  "-=": "+=",
  "|=": "&=",
  "&=": "|=",
  "*=": "/=",
  "/=": "*=",
};
/** Not what it is called, but what it does: base constructors stand in the same place. */
const GUARD = /^(nonReentrant|restricted|only[A-Z]\w*|when[A-Z]\w*)$/;

/** All mutations of one source file, in the order of its text. */
export function mutationsOf(ast: Node, source: Buffer): Mutation[] {
  const found: Mutation[] = [];
  visit(ast, "file", (node, where) => {
    const emit: Context["emit"] = ({ start, end }, operator, replacement) =>
      found.push({ operator, where, start, end, replacement });
    for (const rule of RULES[node.nodeType] ?? []) rule(node, { source, where, emit });
  });
  return found.sort((a, b) => a.start - b.start || a.operator.localeCompare(b.operator));
}

function visit(node: Node, where: string, act: (node: Node, where: string) => void): void {
  if (node.nodeType === "InlineAssembly" || node.nodeType === "ImportDirective") return;
  const isPlace = /^(ContractDefinition|FunctionDefinition|ModifierDefinition)$/.test(node.nodeType);
  const place = isPlace ? node.name || node.kind || where : where;
  act(node, place);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child && typeof child === "object" && "nodeType" in child) visit(child as Node, place, act);
    }
  }
}

type Rule = (node: Node, context: Context) => void;

const RULES: Record<string, Rule[]> = {
  BinaryOperation: [
    (node, { source, emit }) => {
      const between = { start: span(node.leftExpression).end, end: span(node.rightExpression).start };
      const replacement = BINARY[node.operator ?? ""];
      const gap = text(source, between);
      // Parentheses and comments around the operator are none of the operands'.
      if (!replacement || gap.replace(/[\s()]/g, "") !== node.operator) return;
      emit(between, `${node.operator} to ${replacement}`, gap.replace(node.operator as string, replacement));
    },
  ],
  UnaryOperation: [
    (node, { source, emit }) => {
      const whole = span(node);
      const now = text(source, whole);
      if (node.operator === "!") emit(whole, "drop !", now.replace("!", ""));
      if (node.operator === "++") emit(whole, "++ to --", now.replace("++", "--"));
      if (node.operator === "--") emit(whole, "-- to ++", now.replace("--", "++"));
    },
  ],
  Literal: [
    (node, { emit }) => {
      if (node.kind === "bool") emit(span(node), "flip bool", node.value === "true" ? "false" : "true");
      if (node.kind !== "number" || !/^[\d_]+$/.test(node.value ?? "")) return;
      const value = BigInt((node.value as string).replaceAll("_", ""));
      const unit = node.subdenomination ? ` ${String(node.subdenomination)}` : "";
      emit(span(node), "number + 1", `${value + 1n}${unit}`);
      if (value > 0n) emit(span(node), "number - 1", `${value - 1n}${unit}`);
    },
  ],
  MemberAccess: [
    (node, { source, emit }) => {
      if (node.memberName !== "max" || !/^type\(/.test(text(source, span(node)))) return;
      emit(span(node), "max - 1", `(${text(source, span(node))} - 1)`);
    },
  ],
  Conditional: [
    (node, { source, emit }) => {
      const [yes, no] = [span(node.trueExpression), span(node.falseExpression)];
      const middle = text(source, { start: yes.end, end: no.start });
      const swapped = `${text(source, no)}${middle}${text(source, yes)}`;
      emit({ start: yes.start, end: no.end }, "swap branches", swapped);
    },
  ],
  IfStatement: [
    (node, { source, emit }) => {
      const condition = span(node.condition);
      const { operator } = node.condition as Node;
      if (onlyReverts(node.trueBody as Node) && !node.falseBody) {
        emit(statement(node, source), "drop check", "{}");
      } else if (operator !== "==" && operator !== "!=")
        emit(condition, "negate condition", `!(${text(source, condition)})`);
    },
  ],
  EmitStatement: [(node, { source, emit }) => emit(statement(node, source), "drop emit", "{}")],
  ExpressionStatement: [
    (node, { source, emit }) => {
      const { nodeType } = node.expression as Node;
      const what = { Assignment: "assignment", FunctionCall: "call", UnaryOperation: "step" }[nodeType];
      if (what) emit(statement(node, source), `drop ${what}`, "{}");
    },
  ],
  Assignment: [
    (node, { source, emit }) => {
      const between = { start: span(node.leftHandSide).end, end: span(node.rightHandSide).start };
      const replacement = ASSIGNMENT[node.operator ?? ""];
      if (replacement)
        emit(
          between,
          `${node.operator} to ${replacement}`,
          text(source, between).replace(node.operator ?? "", replacement),
        );
    },
  ],
  FunctionCall: [
    (node, { source, emit }) => {
      const args = (node.arguments as Node[] | undefined) ?? [];
      if (((node.names as string[] | undefined) ?? []).length > 0) return;
      for (const [i, left] of args.entries()) {
        const right = args[i + 1];
        if (!right || left.typeDescriptions?.typeString !== right.typeDescriptions?.typeString) continue;
        const [first, second] = [text(source, span(left)), text(source, span(right))];
        if (first === second) continue;
        const between = text(source, { start: span(left).end, end: span(right).start });
        emit(
          { start: span(left).start, end: span(right).end },
          "swap arguments",
          `${second}${between}${first}`,
        );
      }
    },
  ],
  FunctionDefinition: [
    (node, { emit }) => {
      for (const modifier of (node.modifiers as Node[] | undefined) ?? []) {
        const name = (modifier.modifierName as Node).name ?? "";
        if (GUARD.test(name)) emit(span(modifier), `drop ${name}`, "");
      }
    },
  ],
};

function onlyReverts(body: Node): boolean {
  if (body.nodeType === "RevertStatement") return true;
  const statements = (body.statements as Node[] | undefined) ?? [];
  return (
    body.nodeType === "Block" && statements.length === 1 && statements[0]?.nodeType === "RevertStatement"
  );
}

function span(node: unknown): Span {
  const [start = 0, length = 0] = (node as Node).src.split(":").map(Number);
  return { start, end: start + length };
}

/** With its semicolon, which the compiler's spans of some statements leave out. */
function statement(node: Node, source: Buffer): Span {
  const { start, end } = span(node);
  return { start, end: source[end] === ";".charCodeAt(0) ? end + 1 : end };
}

function text(source: Buffer, { start, end }: Span): string {
  return source.subarray(start, end).toString("utf8");
}
