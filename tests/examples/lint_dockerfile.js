// Prints what dockerfile-utils finds in a Dockerfile, one finding a line.
//   node lint_dockerfile.js FILE
const { readFileSync } = require('fs')
const { ValidationSeverity, validate } = require('dockerfile-utils')

const text = readFileSync(process.argv[2], 'utf-8')
const settings = {
  deprecatedMaintainer: ValidationSeverity.ERROR,
  directiveCasing: ValidationSeverity.ERROR,
  emptyContinuationLine: ValidationSeverity.ERROR,
  instructionCasing: ValidationSeverity.ERROR,
  instructionCmdMultiple: ValidationSeverity.ERROR,
  instructionEntrypointMultiple: ValidationSeverity.ERROR,
  instructionHealthcheckMultiple: ValidationSeverity.ERROR,
  instructionJSONInSingleQuotes: ValidationSeverity.ERROR,
  instructionWorkdirRelative: ValidationSeverity.ERROR,
}
for (const found of validate(text, settings)) {
  console.log(`${found.range.start.line + 1}: ${found.message}`)
}
