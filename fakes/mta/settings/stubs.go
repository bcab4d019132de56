package settings

func readServerAdmin(r *reading, files []source) []*Setup  { return nil }
func readSendmail(r *reading, files []source) []*Setup     { return nil }
func readQmail(r *reading, files []source) []*Setup        { return nil }
func readExchange(r *reading, files []source) []*Setup     { return nil }
func readExchange2003(r *reading, files []source) []*Setup { return nil }
func readDomino(r *reading, files []source) []*Setup       { return nil }
func readGroupWise(r *reading, files []source) []*Setup    { return nil }
func readExim(r *reading, files []source) []*Setup         { return nil }
func controlFiles() []string                               { return nil }
func home(f string) string                                 { return f }
