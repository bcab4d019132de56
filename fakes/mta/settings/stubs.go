package settings

func readServerAdmin(r *reading, files []source) []*Setup  { return nil }
func readExchange2003(r *reading, files []source) []*Setup { return nil }
func readDomino(r *reading, files []source) []*Setup       { return nil }
func readGroupWise(r *reading, files []source) []*Setup    { return nil }
func readExim(r *reading, files []source) []*Setup         { return nil }
